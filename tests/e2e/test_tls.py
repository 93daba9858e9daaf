"""Who is at both ends of a TLS connection is told by the certificates."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import EchoBackend, FakeMixer, ProxyProcess
from mizzen.testing.bags import Attributes

CERTIFICATES = Path(__file__).with_name("certificates")


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    template = Path(__file__).with_name("tls.yaml").read_text().replace("CERTIFICATES", str(CERTIFICATES))
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config, template=template) as process:
        yield process


def check_over_tls(proxy: ProxyProcess, mixer: FakeMixer, *, certificate: bool) -> Attributes:
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    if certificate:
        context.load_cert_chain(CERTIFICATES / "client.pem", CERTIFICATES / "client.key")
    connection = http.client.HTTPSConnection("echo.demo", proxy.address.port, context=context, timeout=20)
    connection._create_connection = lambda _, *rest: create_connection(proxy, *rest)  # type: ignore[attr-defined]
    try:
        connection.request("GET", "/secure")
        assert connection.getresponse().status == 200
    finally:
        connection.close()
    return mixer.checks[-1].attributes


def create_connection(proxy: ProxyProcess, *rest: Any) -> Any:
    """The name `echo.demo` is for SNI and the certificate; the address is the proxy's."""
    return socket.create_connection((proxy.address.host, proxy.address.port), *rest)


def test_both_certificates_are_told_with_mutual_tls(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    bag = check_over_tls(proxy, fresh_mixer, certificate=True)
    assert bag["connection.mtls"] is True
    assert bag["connection.requested_server_name"] == "echo.demo"
    assert bag["source.principal"] == "demo/ns/shop/sa/checkout"
    assert bag["destination.principal"] == "demo/ns/demo/sa/echo"
    assert bag["request.scheme"] == "https"
    report = fresh_mixer.wait_for_report("request.path", "/secure")
    assert report["source.principal"] == "demo/ns/shop/sa/checkout"


def test_without_a_client_certificate_the_source_is_unknown(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    bag = check_over_tls(proxy, fresh_mixer, certificate=False)
    assert bag["connection.mtls"] is False
    assert bag["destination.principal"] == "demo/ns/demo/sa/echo"
    assert "source.principal" not in bag
