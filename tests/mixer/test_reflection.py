from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2

from mizzen.mixer.reflection import SERVICES, Reflection

REFLECTION = Reflection()


def ask(**question: Any) -> reflection_pb2.ServerReflectionResponse:
    request = reflection_pb2.ServerReflectionRequest(host="here", **question)
    response = reflection_pb2.ServerReflectionResponse.FromString(REFLECTION.answer(request.SerializeToString()))
    assert (response.valid_host, response.original_request) == ("here", request)
    return response


def files(response: reflection_pb2.ServerReflectionResponse) -> list[FileDescriptorProto]:
    found = response.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(text) for text in found]


def test_all_services_are_listed() -> None:
    listed = ask(list_services="*").list_services_response.service
    assert tuple(service.name for service in listed) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_every_listed_service_is_found_with_all_it_imports(service: str) -> None:
    found = files(ask(file_containing_symbol=service))
    package, name = service.rsplit(".", 1)
    assert found[0].package == package
    assert name in [one.name for one in found[0].service]
    names = {file.name for file in found}
    assert all(imported in names for file in found for imported in file.dependency)


def test_a_file_is_found_by_its_name() -> None:
    assert files(ask(file_by_filename="istio/mixer/v1/mixer.proto"))[0].name == "istio/mixer/v1/mixer.proto"


def test_what_is_not_there_is_not_found() -> None:
    extension = reflection_pb2.ExtensionRequest(containing_type="istio.mixer.v1.CheckRequest", extension_number=7)
    questions: tuple[dict[str, Any], ...] = (
        {"file_by_filename": "other.proto"},
        {"file_containing_symbol": "other.Service"},
        {"file_containing_extension": extension},
        {"all_extension_numbers_of_type": "other.Message"},
    )
    for question in questions:
        assert ask(**question).error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_a_message_without_extensions_has_no_numbers() -> None:
    answer = ask(all_extension_numbers_of_type="istio.mixer.v1.CheckRequest").all_extension_numbers_response
    assert (answer.base_type_name, list(answer.extension_number)) == ("istio.mixer.v1.CheckRequest", [])


def test_no_question_and_no_message_are_refused() -> None:
    refused = grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert ask().error_response.error_code == refused
    answer = reflection_pb2.ServerReflectionResponse.FromString(REFLECTION.answer(b"\xff\xff"))
    assert answer.error_response.error_code == refused
