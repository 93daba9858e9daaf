"""What is open when the proxy ends is closed and reported first, on every worker."""

from __future__ import annotations

import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, wait_until
from mizzen.testing.tcp import TcpBackend, connect, receive, receive_all

CONFIG = {"transport": {"report_batch_max_time": "0.05s"}, "report_interval": "100s"}


@contextmanager
def many(proxy: ProxyProcess, count: int, data: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open connections, each of which has sent `data` and got it back."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(proxy.tcp_address)) for _ in range(count)]
        for connection in connections:
            connection.sendall(data)
            assert receive(connection, len(data)) == data
        yield connections


def stop_at_once(proxy: ProxyProcess) -> int:
    """Tell it twice to end, so that it does not wait for its connections."""
    proxy.send_signal(signal.SIGTERM)
    # two signals that are pending at once are one
    time.sleep(0.5)
    return proxy.stop()


@pytest.mark.parametrize("concurrency", [1, 2])
def test_open_connections_are_reported_when_the_proxy_is_told_to_end(
    concurrency: int, tcp_backend: TcpBackend, mixer: FakeMixer
) -> None:
    mixer.on_check = CheckAnswer()
    mixer.forget()
    with (
        ProxyProcess(
            tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=CONFIG, concurrency=concurrency
        ) as process,
        many(process, 20, b"hello") as connections,
        many(process, 5),
    ):
        assert stop_at_once(process) == 0
        assert {receive_all(connection) for connection in connections} == {b""}
    events = Counter(bag["connection.event"] for bag in mixer.reports)
    assert events == {"open": 20, "close": 25}
    closes = [bag for bag in mixer.reports if bag["connection.event"] == "close"]
    assert Counter(bag["connection.received.bytes_total"] for bag in closes) == {5: 20, 0: 5}
    assert len({bag["connection.id"] for bag in closes}) == 25
    assert all("connection.duration" in bag for bag in closes)


def test_a_client_that_takes_nothing_is_reported_too(mixer: FakeMixer) -> None:
    """What is on its way to it cannot go out, so Envoy cannot close the connection before its own end."""
    mixer.on_check = CheckAnswer()
    mixer.forget()
    with (
        TcpBackend(greeting=b"z" * 30_000_000) as backend,
        ProxyProcess(backend.address, mixer.address, tcp_port=0, tcp_filter_config=CONFIG) as process,
        connect(process.tcp_address) as connection,
    ):
        connection.sendall(b"hello")
        mixer.wait_for_report("connection.event", "open")
        assert stop_at_once(process) == 0
    events = [bag["connection.event"] for bag in mixer.reports]
    assert events == ["open", "close"]
    sent = mixer.reports[1]["connection.sent.bytes_total"]
    assert isinstance(sent, int)
    assert 0 < sent < 30_000_000


def test_a_connection_whose_check_is_running_is_reported_too(tcp_backend: TcpBackend, mixer: FakeMixer) -> None:
    mixer.on_check = CheckAnswer(delay=10.0)
    mixer.forget()
    with (
        ProxyProcess(tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=CONFIG) as process,
        connect(process.tcp_address) as connection,
    ):
        connection.sendall(b"hello")
        mixer.wait_for_checks(1)
        assert stop_at_once(process) == 0
    assert [bag["connection.event"] for bag in mixer.reports] == ["close"]


def test_the_end_is_not_held_up_by_a_mixer_that_is_away(tcp_backend: TcpBackend) -> None:
    with (
        FakeMixer() as mixer,
        ProxyProcess(tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=CONFIG) as process,
        many(process, 3, b"x"),
    ):
        mixer.stop()
        assert stop_at_once(process) == 0


def test_an_open_connection_gets_time_to_end_by_itself(tcp_backend: TcpBackend, mixer: FakeMixer) -> None:
    mixer.on_check = CheckAnswer()
    mixer.forget()
    with (
        ProxyProcess(tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=CONFIG) as process,
        connect(process.tcp_address) as connection,
    ):
        connection.sendall(b"hello")
        assert receive(connection, 5) == b"hello"
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(b"and more")
        assert receive(connection, 8) == b"and more"
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"bye"
        assert process.wait() == 0
        assert time.monotonic() - started < 4.5
    assert mixer.reports[-1]["connection.received.bytes_total"] == 13


def test_a_connection_that_stays_open_is_closed_after_five_seconds(tcp_backend: TcpBackend, mixer: FakeMixer) -> None:
    mixer.forget()
    with ProxyProcess(tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=CONFIG) as process:
        with connect(process.tcp_address) as connection:
            wait_until(lambda: tcp_backend.open_connections, "the upstream connection")
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert receive_all(connection) == b""
            assert 4.0 < time.monotonic() - started < 15.0
        assert process.wait() == 0
    assert [bag["connection.event"] for bag in mixer.reports] == ["close"]
