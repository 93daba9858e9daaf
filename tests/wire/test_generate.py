"""The committed classes are those that `proto/` gives, and they stay out of others' way."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from google.rpc import status_pb2

from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2, mixer_pb2, mixer_pb2_grpc
from mizzen.wire.pb.istio.mixer.v1.config.client import client_config_pb2

from . import generate


def test_committed_classes_equal_freshly_generated_ones(tmp_path: Path) -> None:
    generate.generate(tmp_path / "pb")
    assert generate.contents(tmp_path / "pb") == generate.contents(generate.TARGET)


def test_every_source_has_its_classes() -> None:
    modules = generate.contents(generate.TARGET)
    assert {source.replace(".proto", "_pb2.py") for source in generate.sources()} <= set(modules)
    assert "istio/mixer/v1/mixer_pb2_grpc.py" in modules


def test_no_top_level_package_istio_is_defined() -> None:
    assert importlib.util.find_spec("istio") is None
    for text in generate.contents(generate.TARGET).values():
        assert "from istio" not in text
        assert "import istio." not in text


def test_rehoming_changes_imports_and_names_of_modules_but_no_names_of_messages() -> None:
    text = (
        "from istio.mixer.v1 import a_pb2\n"
        "import istio.mixer.v1.b_pb2\n"
        "x = 'istio.mixer.v1.Mixer'\n"
        "y = 'istio.mixer.v1.a_pb2'\n"
    )
    assert generate.rehome(text) == (
        "from mizzen.wire.pb.istio.mixer.v1 import a_pb2\n"
        "import mizzen.wire.pb.istio.mixer.v1.b_pb2\n"
        "x = 'istio.mixer.v1.Mixer'\n"
        "y = 'mizzen.wire.pb.istio.mixer.v1.a_pb2'\n"
    )


def test_the_service_has_its_standard_name_and_paths() -> None:
    service = mixer_pb2.DESCRIPTOR.services_by_name["Mixer"]
    assert service.full_name == "istio.mixer.v1.Mixer"
    assert [method.name for method in service.methods] == ["Check", "Report"]
    assert hasattr(mixer_pb2_grpc, "MixerStub")
    assert hasattr(mixer_pb2_grpc, "MixerServicer")


def test_status_is_the_common_google_rpc_status() -> None:
    response = mixer_pb2.CheckResponse()
    response.precondition.status.CopyFrom(status_pb2.Status(code=7, message="no"))
    assert response.precondition.status.message == "no"


def test_our_settings_stand_from_number_100_on() -> None:
    ours = {
        field.name: field.number
        for message in (client_config_pb2.TransportConfig, client_config_pb2.TcpClientConfig)
        for field in message.DESCRIPTOR.fields
        if field.number >= 100
    }
    assert ours == {
        "check_cache_entries": 100,
        "check_join": 101,
        "rpc_timeout": 102,
        "report_buffer_entries": 103,
        "report_buffer_bytes": 104,
        "report_delta_encoding": 105,
        "check_on_connect": 100,
    }


def test_a_setting_that_is_absent_differs_from_one_that_is_zero() -> None:
    assert not client_config_pb2.TransportConfig().HasField("check_cache_entries")
    assert client_config_pb2.TransportConfig(check_cache_entries=0).HasField("check_cache_entries")


def test_compressed_attributes_have_the_numbers_of_the_protocol() -> None:
    fields = {field.name: field.number for field in attributes_pb2.CompressedAttributes.DESCRIPTOR.fields}
    assert fields == {
        "words": 1,
        "strings": 2,
        "int64s": 3,
        "doubles": 4,
        "bools": 5,
        "timestamps": 6,
        "durations": 7,
        "bytes": 8,
        "string_maps": 9,
    }
