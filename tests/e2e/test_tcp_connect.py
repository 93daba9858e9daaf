"""With `check_on_connect` a connection is checked before the service hears of it: for servers that speak first."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference
from mizzen.testing.tcp import TcpBackend, break_off, connect, receive, receive_all

GREETING = b"220 ready\r\n"


@pytest.fixture(scope="module")
def tcp_backend() -> Iterator[TcpBackend]:
    with TcpBackend(GREETING, b"bye") as server:
        yield server


@pytest.fixture(scope="module")
def tcp_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"transport": transport, "check_on_connect": True, "report_interval": "100s"}


def test_the_service_greets_once_the_mixer_has_allowed(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.3)
    with connect(tcp_proxy.tcp_address) as connection:
        started = time.monotonic()
        assert receive(connection, len(GREETING)) == GREETING
        assert time.monotonic() - started > 0.2
        connection.sendall(b"HELO")
        assert receive(connection, 4) == b"HELO"
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"bye"
    opened, closed = quiet_mixer.wait_for_reports(2)
    assert (opened["connection.event"], opened["connection.received.bytes_total"]) == ("open", 0)
    assert (closed["connection.event"], closed["connection.received.bytes_total"]) == ("close", 4)
    assert closed["connection.sent.bytes_total"] == len(GREETING) + 4 + 3


def test_the_destination_is_the_service_as_soon_as_it_is_known(
    tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    with connect(tcp_proxy.tcp_address) as connection:
        receive(connection, len(GREETING))
    opened, closed = quiet_mixer.wait_for_reports(2)
    assert opened["destination.port"] == tcp_proxy.tcp_address.port
    assert closed["destination.port"] == tcp_backend.address.port


def test_a_denied_client_never_reaches_the_service(
    tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(7, "no")
    known = len(tcp_backend.received)
    with connect(tcp_proxy.tcp_address) as connection:
        assert receive_all(connection) == b""
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["check.error_code"] == 7
    assert (len(quiet_mixer.reports), len(tcp_backend.received)) == (1, known)


@pytest.mark.parametrize("ends", [False, True])
def test_data_that_comes_before_the_decision_is_passed_and_counted_once(
    ends: bool, tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.3)
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"EH")
        quiet_mixer.wait_for_checks(1)
        connection.sendall(b"LO")
        if ends:
            connection.shutdown(socket.SHUT_WR)
        assert receive(connection, len(GREETING) + 4) == GREETING + b"EHLO"
        if not ends:
            connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"bye"
    assert tcp_backend.received[-1] == b"EHLO"
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["connection.received.bytes_total"] == 4
    assert report["connection.sent.bytes_total"] == len(GREETING) + 4 + 3


def test_a_client_that_breaks_off_before_the_decision_is_noticed_after_it(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.5)
    connection = connect(tcp_proxy.tcp_address)
    quiet_mixer.wait_for_checks(1)
    break_off(connection)
    reports = quiet_mixer.wait_for_reports(2)
    assert [bag["connection.event"] for bag in reports] == ["open", "close"]
    assert reports[1]["connection.received.bytes_total"] == 0


def test_a_cached_decision_opens_and_refuses_too(
    tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    for code, expected in ((0, GREETING), (7, b"")):
        quiet_mixer.forget()
        quiet_mixer.on_check = CheckAnswer(code, uses=1, references=[Reference("source.ip")])
        for _ in range(2):
            with connect(tcp_proxy.tcp_address) as connection:
                assert receive(connection, len(GREETING)) == expected
        assert len(quiet_mixer.checks) == 1


def test_without_checks_the_service_greets_all_the_same(tcp_backend: TcpBackend, quiet_mixer: FakeMixer) -> None:
    config = {"disable_check_calls": True, "check_on_connect": True}
    with ProxyProcess(tcp_backend.address, quiet_mixer.address, tcp_port=0, tcp_filter_config=config) as process:
        with connect(process.tcp_address) as connection:
            assert receive(connection, len(GREETING)) == GREETING
        process.stop()
    assert [bag["connection.event"] for bag in quiet_mixer.reports] == ["open", "close"]
    assert quiet_mixer.checks == []
    assert not [name for bag in quiet_mixer.reports for name in bag if name.startswith("check.")]
