"""Addresses and names that listener filters find: the PROXY protocol, and SNI of TLS that passes through."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess
from mizzen.testing.mixer import ReceivedCheck
from mizzen.testing.tcp import TcpBackend, connect, receive

LISTENER_FILTERS = """\
    listener_filters:
    - name: envoy.filters.listener.tls_inspector
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
    - name: envoy.filters.listener.proxy_protocol
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
        allow_requests_without_proxy_protocol: true
"""


@pytest.fixture(scope="module")
def tcp_proxy(tcp_backend: TcpBackend, mixer: FakeMixer) -> Iterator[ProxyProcess]:
    """Plain TCP, whose listener inspects what comes; checked on connect, while nothing is known of the service yet."""
    template = Path(__file__).with_name("tcp_tls.yaml").read_text()
    before, rest = template.split("    listener_filters:\n")
    filters = rest[rest.index("      filters:\n") :].replace("      filters:\n", "    - filters:\n", 1)
    template = f"{before}{LISTENER_FILTERS}    filter_chains:\n{filters}"
    config = {"transport": {"report_batch_max_time": "0.05s"}, "check_on_connect": True}
    with ProxyProcess(
        tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=config, template=template
    ) as process:
        process.tcp_address = process.address
        yield process


@pytest.mark.parametrize(
    ("line", "source", "destination"),
    [
        (b"PROXY TCP4 10.1.2.3 10.9.8.7 1111 5432\r\n", b"\x0a\x01\x02\x03", b"\x0a\x09\x08\x07"),
        (
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1111 5432\r\n",
            b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01",
            b"\x20\x01\x0d\xb8" + bytes(11) + b"\x02",
        ),
    ],
    ids=["IPv4", "IPv6"],
)
def test_the_addresses_of_the_proxy_protocol_are_those_of_the_connection(
    line: bytes,
    source: bytes,
    destination: bytes,
    tcp_proxy: ProxyProcess,
    tcp_backend: TcpBackend,
    quiet_mixer: FakeMixer,
) -> None:
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(line + b"hello")
        assert receive(connection, 5) == b"hello"
    opened, closed = quiet_mixer.wait_for_reports(2)
    for bag in (quiet_mixer.checks[0].attributes, opened, closed):
        assert (bag["source.ip"], bag["origin.ip"]) == (source, source)
    # where the client wanted to go, until the service is chosen
    assert (opened["destination.ip"], opened["destination.port"]) == (destination, 5432)
    assert (closed["destination.ip"], closed["destination.port"]) == (b"\x7f\x00\x00\x01", tcp_backend.address.port)
    # the line itself is not part of what the connection carries
    assert closed["connection.received.bytes_total"] == 5


def test_the_name_a_client_asks_for_is_told_without_ending_its_tls(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    hello = client_hello("db.example.com")
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(hello)
        assert receive(connection, len(hello)) == hello
    report = quiet_mixer.wait_for_report("connection.event", "close")
    for bag in (quiet_mixer.checks[0].attributes, report):
        assert bag["connection.requested_server_name"] == "db.example.com"
        assert bag["connection.mtls"] is False
        assert not {"source.principal", "destination.principal"} & set(bag)
    assert report["connection.received.bytes_total"] == len(hello)


def client_hello(name: str) -> bytes:
    """What a TLS client sends first."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_denied_name_is_closed(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    def decide(check: ReceivedCheck) -> CheckAnswer:
        return CheckAnswer(7 if check.attributes["connection.requested_server_name"] == "secret.example.com" else 0)

    quiet_mixer.on_check = decide
    for name, allowed in (("db.example.com", True), ("secret.example.com", False)):
        hello = client_hello(name)
        with connect(tcp_proxy.tcp_address) as connection:
            connection.sendall(hello)
            try:
                assert (receive(connection, len(hello)) == hello) is allowed
            except ConnectionResetError:
                assert not allowed
