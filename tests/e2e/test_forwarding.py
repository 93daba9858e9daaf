"""Attributes travel from the client side to the server side in a header that nobody else can forge or see."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mizzen.testing import EchoBackend, FakeMixer, ProxyProcess, send
from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2

HEADER = "x-istio-attributes"
SERVICE = {"default_destination_service": "d", "service_configs": {"d": {}}}


def forged(**attributes: str) -> tuple[str, str]:
    """The header as a proxy would write it."""
    message = attributes_pb2.Attributes()
    for name, value in attributes.items():
        message.attributes[name.replace("__", ".")].string_value = value
    return HEADER, base64.b64encode(message.SerializeToString()).decode()


@pytest.fixture(scope="module")
def filter_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**SERVICE, "transport": transport}


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    forward = {"source.uid": "kubernetes://caller-1.shop", "destination.service.host": "echo.demo.svc"}
    client = {"forward_attributes": {"attributes": {name: {"string_value": text} for name, text in forward.items()}}}
    with ProxyProcess(
        backend.address, mixer.address, filter_config=filter_config, client_filter_config=client, client=True
    ) as process:
        yield process


def test_the_client_side_injects_and_the_server_side_reads(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.client_address, "/forwarded").status == 200
    bag = fresh_mixer.checks[-1].attributes
    assert bag["source.uid"] == "kubernetes://caller-1.shop"
    assert bag["destination.service.host"] == "echo.demo.svc"
    report = fresh_mixer.wait_for_report("request.path", "/forwarded")
    assert report["source.uid"] == "kubernetes://caller-1.shop"
    assert len(fresh_mixer.checks) == 1


def test_neither_the_mixer_nor_the_backend_sees_the_header(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    assert send(proxy.client_address, "/hidden").status == 200
    headers = fresh_mixer.checks[-1].attributes["request.headers"]
    assert isinstance(headers, Mapping)
    assert HEADER not in headers
    assert backend.requests[-1].header(HEADER) is None


def test_a_header_forged_by_the_application_does_not_survive_the_client_side(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    assert send(proxy.client_address, "/forged", headers=[forged(source__namespace="kube-system")]).status == 200
    bag = fresh_mixer.checks[-1].attributes
    assert "source.namespace" not in bag
    assert bag["source.uid"] == "kubernetes://caller-1.shop"


def test_only_the_six_known_names_are_taken(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    header = forged(source__uid="u", source__namespace="n", request__method="DELETE", destination__uid="x")
    assert send(proxy.address, "/names", headers=[header]).status == 200
    bag = fresh_mixer.checks[-1].attributes
    assert (bag["source.uid"], bag["source.namespace"]) == ("u", "n")
    assert bag["request.method"] == "GET"
    assert bag["destination.uid"] == "kubernetes://echo-1.demo"


@pytest.mark.parametrize("value", ["", "!!!", "AAAA", "////////"])
def test_a_header_that_is_no_message_is_dropped(
    value: str, proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    assert send(proxy.address, "/garbage", headers=[(HEADER, value)]).status == 200
    assert "source.uid" not in fresh_mixer.checks[-1].attributes
    assert backend.requests[-1].header(HEADER) is None


def test_a_gateway_ignores_and_drops_the_header(
    backend: EchoBackend, mixer: FakeMixer, fresh_mixer: FakeMixer, transport: Mapping[str, Any]
) -> None:
    config = {**SERVICE, "transport": transport, "ignore_forwarded_attributes": True}
    with ProxyProcess(backend.address, mixer.address, filter_config=config) as gateway:
        assert send(gateway.address, "/gateway", headers=[forged(source__uid="u")]).status == 200
    assert "source.uid" not in fresh_mixer.checks[-1].attributes
    assert backend.requests[-1].header(HEADER) is None


def test_the_default_client_side_forwards_the_uid_of_the_node(
    backend: EchoBackend, mixer: FakeMixer, fresh_mixer: FakeMixer
) -> None:
    with ProxyProcess(backend.address, mixer.address, client=True) as process:
        assert send(process.client_address, "/default").status == 200
    assert fresh_mixer.checks[-1].attributes["source.uid"] == "kubernetes://echo-1.demo"
