"""Who is at both ends of a TCP connection with TLS is told by the certificates, and the handshake never stalls."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference
from mizzen.testing.tcp import TcpBackend, connect, receive, receive_all

CERTIFICATES = Path(__file__).with_name("certificates")
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
GREETING = b"220 ready"
CLIENT = "demo/ns/shop/sa/checkout"


@pytest.fixture(scope="module", params=[False, True], ids=["at the first data", "on connect"])
def on_connect(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def tcp_backend() -> Iterator[TcpBackend]:
    with TcpBackend(GREETING, b"bye") as server:
        yield server


@pytest.fixture(scope="module")
def tcp_proxy(
    tcp_backend: TcpBackend, mixer: FakeMixer, transport: Mapping[str, Any], on_connect: bool
) -> Iterator[ProxyProcess]:
    template = Path(__file__).with_name("tcp_tls.yaml").read_text().replace("CERTIFICATES", str(CERTIFICATES))
    config = {"transport": transport, "check_on_connect": on_connect}
    with ProxyProcess(
        tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=config, template=template
    ) as process:
        process.tcp_address = process.address
        yield process


def connect_tls(proxy: ProxyProcess, version: ssl.TLSVersion, *, certificate: bool = True) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
    context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(CERTIFICATES / "client.pem", CERTIFICATES / "client.key")
    return context.wrap_socket(connect(proxy.tcp_address), server_hostname="echo.demo")


@pytest.mark.parametrize("version", VERSIONS)
def test_both_certificates_are_told(version: ssl.TLSVersion, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    with connect_tls(tcp_proxy, version) as connection:
        connection.sendall(b"hello")
        assert receive(connection, len(GREETING) + 5) == GREETING + b"hello"
    report = quiet_mixer.wait_for_report("connection.event", "close")
    for bag in (quiet_mixer.checks[0].attributes, report):
        assert bag["connection.mtls"] is True
        assert bag["connection.requested_server_name"] == "echo.demo"
        assert (bag["source.principal"], bag["source.user"], bag["source.namespace"]) == (CLIENT, CLIENT, "shop")
        assert bag["destination.principal"] == "demo/ns/demo/sa/echo"
    # what the client has sent, without the bytes of TLS
    assert report["connection.received.bytes_total"] == 5


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_without_a_certificate_is_unknown(
    version: ssl.TLSVersion, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    with connect_tls(tcp_proxy, version, certificate=False) as connection:
        connection.sendall(b"hello")
        assert receive(connection, len(GREETING) + 5) == GREETING + b"hello"
    bag = quiet_mixer.checks[0].attributes
    assert bag["connection.mtls"] is False
    assert bag["destination.principal"] == "demo/ns/demo/sa/echo"
    assert not {"source.principal", "source.user", "source.namespace"} & set(bag)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_waits_for_the_server_is_greeted(
    version: ssl.TLSVersion, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer, on_connect: bool
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.2)
    with connect_tls(tcp_proxy, version) as connection:
        assert receive(connection, len(GREETING)) == GREETING
        assert len(quiet_mixer.checks) == int(on_connect)
        connection.sendall(b"x")
        assert receive(connection, 1) == b"x"
    assert len(quiet_mixer.checks) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("delay", [0.0, 0.2])
def test_a_denied_client_gets_no_answer(
    delay: float, version: ssl.TLSVersion, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(7, "no", delay=delay)
    # the connection is closed at once, without the farewell of TLS
    with suppress(OSError), connect_tls(tcp_proxy, version) as connection:
        connection.sendall(b"hello")
        assert b"hello" not in receive_all(connection)
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["check.error_code"] == 7
    assert report["source.principal"] == CLIENT
    assert [bag["connection.event"] for bag in quiet_mixer.reports] == ["close"]


@pytest.mark.parametrize("version", VERSIONS)
def test_data_sent_with_the_handshake_is_passed_and_counted_once(
    version: ssl.TLSVersion, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.2)
    with connect_tls(tcp_proxy, version) as connection:
        connection.sendall(b"12345")
        connection.sendall(b"67890")
        assert receive(connection, len(GREETING) + 10) == GREETING + b"1234567890"
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["connection.received.bytes_total"] == 10


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cached_decision_opens_too(version: ssl.TLSVersion, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(uses=1, references=[Reference("source.principal")])
    for _ in range(2):
        with connect_tls(tcp_proxy, version) as connection:
            connection.sendall(b"hello")
            assert receive(connection, len(GREETING) + 5) == GREETING + b"hello"
    assert len(quiet_mixer.checks) == 1


def test_a_failed_handshake_is_reported_without_a_check(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    with suppress(ConnectionResetError), connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        receive_all(connection)
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["connection.mtls"] is False
    assert quiet_mixer.checks == []
