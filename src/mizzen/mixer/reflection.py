"""gRPC server reflection: what `grpcurl list` and other clients without the definitions ask for.

The front takes the stream; here each question gets its answer. The versions v1 and v1alpha have the same messages, so
one answer serves both.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2
from mizzen.wire.pb.mizzen.mixer.v1 import explain_pb2

_V1ALPHA, _V1 = "grpc.reflection.v1alpha", "grpc.reflection.v1"
SERVICES = (
    "grpc.health.v1.Health",
    f"{_V1}.ServerReflection",
    f"{_V1ALPHA}.ServerReflection",
    "istio.mixer.v1.Mixer",
    "mizzen.mixer.v1.Explain",
)


class Reflection:
    """Answers reflection's questions about the services of the Mixer. Immutable; may be used from any thread."""

    def __init__(self) -> None:
        self._pool = DescriptorPool()
        for module in (mixer_pb2, explain_pb2, health_pb2, reflection_pb2):
            file: FileDescriptor = module.DESCRIPTOR
            _add(self._pool, file)
        _add_v1(self._pool)

    def answer(self, question: bytes) -> bytes:
        """The encoded ServerReflectionResponse to an encoded ServerReflectionRequest; bytes that are none are
        answered with INVALID_ARGUMENT."""
        try:
            request = reflection_pb2.ServerReflectionRequest.FromString(question)
        except DecodeError as error:
            return _failure(grpc.StatusCode.INVALID_ARGUMENT, str(error)).SerializeToString()
        response = self._respond(request)
        response.valid_host = request.host
        response.original_request.CopyFrom(request)
        return response.SerializeToString()

    def _respond(self, request: reflection_pb2.ServerReflectionRequest) -> reflection_pb2.ServerReflectionResponse:
        pool = self._pool
        try:
            match request.WhichOneof("message_request"):
                case "list_services":
                    names = [reflection_pb2.ServiceResponse(name=name) for name in SERVICES]
                    listed = reflection_pb2.ListServiceResponse(service=names)
                    return reflection_pb2.ServerReflectionResponse(list_services_response=listed)
                case "file_by_filename":
                    return _files(pool.FindFileByName(request.file_by_filename))
                case "file_containing_symbol":
                    return _files(pool.FindFileContainingSymbol(request.file_containing_symbol))
                case "file_containing_extension":
                    wanted = request.file_containing_extension
                    message = pool.FindMessageTypeByName(wanted.containing_type)
                    extension = pool.FindExtensionByNumber(message, wanted.extension_number)
                    return _files(pool.FindFileContainingSymbol(extension.full_name))
                case "all_extension_numbers_of_type":
                    message = pool.FindMessageTypeByName(request.all_extension_numbers_of_type)
                    numbers = sorted(extension.number for extension in pool.FindAllExtensions(message))
                    answer = reflection_pb2.ExtensionNumberResponse(
                        base_type_name=message.full_name, extension_number=numbers
                    )
                    return reflection_pb2.ServerReflectionResponse(all_extension_numbers_response=answer)
        except KeyError:
            return _failure(grpc.StatusCode.NOT_FOUND, "not found")
        return _failure(grpc.StatusCode.INVALID_ARGUMENT, "no question that is known")


def _files(file: FileDescriptor) -> reflection_pb2.ServerReflectionResponse:
    """The file and all it imports, itself first."""
    found: dict[str, bytes] = {}
    for one in _with_imports([file]):
        found.setdefault(one.name, one.serialized_pb)
    answer = reflection_pb2.FileDescriptorResponse(file_descriptor_proto=list(found.values()))
    return reflection_pb2.ServerReflectionResponse(file_descriptor_response=answer)


def _with_imports(files: Iterable[FileDescriptor]) -> Iterable[FileDescriptor]:
    for file in files:
        yield file
        yield from _with_imports(file.dependencies)


def _failure(code: grpc.StatusCode, text: str) -> reflection_pb2.ServerReflectionResponse:
    error = reflection_pb2.ErrorResponse(error_code=code.value[0], error_message=text)
    return reflection_pb2.ServerReflectionResponse(error_response=error)


def _add(pool: DescriptorPool, file: FileDescriptor) -> None:
    for one in reversed(list(_with_imports([file]))):
        pool.AddSerializedFile(one.serialized_pb)


def _add_v1(pool: DescriptorPool) -> None:
    """The v1 service, which has no package of its own: v1alpha's definitions under the other name."""
    text = reflection_pb2.DESCRIPTOR.serialized_pb
    file = FileDescriptorProto.FromString(text)
    file.package, file.name = _V1, file.name.replace("v1alpha", "v1")
    for message in file.message_type:
        for field in (field for field in message.field if field.type_name):
            field.type_name = field.type_name.replace(_V1ALPHA, _V1)
    for service in file.service:
        for method in service.method:
            method.input_type = method.input_type.replace(_V1ALPHA, _V1)
            method.output_type = method.output_type.replace(_V1ALPHA, _V1)
    pool.AddSerializedFile(file.SerializeToString())
