"""The reports of a TCP connection: its beginning, its course, its end."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from mizzen.testing import FakeMixer, ProxyProcess, wait_until
from mizzen.testing.bags import Attributes
from mizzen.testing.tcp import TcpBackend, break_off, connect, receive, receive_all

NANOSECONDS = 1e9


@pytest.fixture(scope="module")
def tcp_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"transport": transport, "report_interval": "1s"}


@pytest.fixture
def open_connection(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> Iterator[socket.socket]:
    """A connection whose opening with five bytes is reported."""
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"hello")
        assert receive(connection, 5) == b"hello"
        quiet_mixer.wait_for_reports(1)
        yield connection


def volume(bag: Attributes) -> tuple[object, ...]:
    """Event, then received and sent: the difference and the total of each."""
    directions = ("received", "sent")
    counts = [bag[f"connection.{direction}.{name}"] for direction in directions for name in ("bytes", "bytes_total")]
    return (bag["connection.event"], *counts)


def test_each_report_tells_the_bytes_since_the_last_periodic_one(
    open_connection: socket.socket, quiet_mixer: FakeMixer
) -> None:
    started = time.monotonic()
    quiet_mixer.wait_for_reports(2)
    assert time.monotonic() - started > 0.5
    open_connection.sendall(b"and more")
    receive(open_connection, 8)
    quiet_mixer.wait_for_reports(3)
    open_connection.sendall(b"!")
    receive(open_connection, 1)
    open_connection.shutdown(socket.SHUT_WR)
    assert receive_all(open_connection) == b"bye"
    reports = quiet_mixer.wait_for_reports(4)
    assert [volume(bag) for bag in reports] == [
        ("open", 5, 5, 0, 0),
        ("continue", 5, 5, 5, 5),
        ("continue", 8, 13, 8, 13),
        ("close", 1, 14, 4, 17),
    ]
    times = [told for bag in reports if isinstance(told := bag["context.time"], int)]
    assert len(times) == 4
    assert times == sorted(set(times))
    assert len({bag["connection.id"] for bag in reports}) == 1
    assert all("connection.duration" not in bag for bag in reports[:3])
    duration = reports[3]["connection.duration"]
    assert isinstance(duration, int)
    assert 1.5 < duration / NANOSECONDS < 10.0


def test_a_short_connection_tells_all_its_bytes_in_its_last_report(
    open_connection: socket.socket, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    open_connection.shutdown(socket.SHUT_WR)
    assert receive_all(open_connection) == b"bye"
    reports = quiet_mixer.wait_for_reports(2)
    assert [volume(bag) for bag in reports] == [("open", 5, 5, 0, 0), ("close", 5, 5, 8, 8)]
    for bag in reports:
        assert bag["destination.ip"] == b"\x7f\x00\x00\x01"
        assert bag["destination.port"] == tcp_backend.address.port
        assert (bag["check.cache_hit"], bag["quota.cache_hit"]) == (False, False)


def test_a_client_that_breaks_off_is_reported(open_connection: socket.socket, quiet_mixer: FakeMixer) -> None:
    break_off(open_connection)
    assert volume(quiet_mixer.wait_for_report("connection.event", "close")) == ("close", 5, 5, 5, 5)


def test_a_service_that_breaks_off_is_reported(
    open_connection: socket.socket, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    tcp_backend.reset()
    assert volume(quiet_mixer.wait_for_report("connection.event", "close")) == ("close", 5, 5, 5, 5)
    with suppress(ConnectionResetError):
        assert receive_all(open_connection) == b""


def test_a_client_that_has_ended_its_side_can_still_be_answered(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"question")
        assert receive(connection, 8) == b"question"
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"bye"
    assert volume(quiet_mixer.wait_for_report("connection.event", "close")) == ("close", 8, 8, 11, 11)


@pytest.mark.parametrize("end", ["close", "break off", "end of the client's side"])
def test_a_connection_that_ends_before_any_data_is_reported_without_a_check(
    end: str, tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    known = len(tcp_backend.received)
    connection = connect(tcp_proxy.tcp_address)
    wait_until(lambda: len(tcp_backend.received) > known, "the upstream connection")
    if end == "break off":
        break_off(connection)
    elif end == "close":
        connection.close()
    else:
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"bye"
        connection.close()
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["connection.received.bytes_total"] == 0
    assert not [name for name in report if name.startswith(("check.", "quota."))]
    assert quiet_mixer.checks == []
    assert len(quiet_mixer.reports) == 1


def test_a_service_that_cannot_be_reached_ends_the_connection_with_a_report(mixer: FakeMixer) -> None:
    with TcpBackend() as backend:
        nowhere = backend.address
    mixer.forget()
    with ProxyProcess(nowhere, mixer.address, tcp_port=0) as process:
        with connect(process.tcp_address) as connection:
            assert receive_all(connection) == b""
        report = mixer.wait_for_report("connection.event", "close")
        assert report["context.reporter.kind"] == "inbound"
        assert report["connection.sent.bytes_total"] == 0
