"""A TCP connection is checked at its first data."""

from __future__ import annotations

import re
import socket

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference, wait_until
from mizzen.testing.tcp import TcpBackend, break_off, connect, receive, receive_all

COUNTERS = "mizzen.tcp_mixer_filter."


def events(mixer: FakeMixer) -> list[object]:
    return [bag["connection.event"] for bag in mixer.reports]


def refused(connection: socket.socket) -> bool:
    """Whether the peer ends or resets the connection without a byte."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_an_allowed_connection_carries_its_data(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"hello")
        assert receive(connection, 5) == b"hello"
    assert len(quiet_mixer.checks) == 1


def test_the_check_tells_who_connects_and_to_what_node(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    for _ in range(2):
        with connect(tcp_proxy.tcp_address) as connection:
            connection.sendall(b"x")
            receive(connection, 1)
    first, second = (check.attributes for check in quiet_mixer.checks)
    ids = [re.fullmatch(r"([0-9a-f-]{36})-(\d+)", str(bag["connection.id"])) for bag in (first, second)]
    assert ids[0]
    assert ids[1]
    assert ids[0][1] == ids[1][1]
    assert ids[0][2] != ids[1][2]
    assert isinstance(first["context.time"], int)
    assert {name: value for name, value in first.items() if name not in ("connection.id", "context.time")} == {
        "connection.mtls": False,
        "context.protocol": "tcp",
        "context.reporter.uid": "kubernetes://echo-1.demo",
        "destination.namespace": "demo",
        "destination.uid": "kubernetes://echo-1.demo",
        "origin.ip": b"\x7f\x00\x00\x01",
        "service.mark": "tcp",
        "source.ip": b"\x7f\x00\x00\x01",
    }


def test_a_denied_connection_is_closed_at_once_and_reported_once(
    tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(7, "not you")
    known = len(tcp_backend.received)
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"secret")
        assert refused(connection)
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert (report["check.error_code"], report["check.error_message"]) == (7, "PERMISSION_DENIED:not you")
    assert (report["connection.received.bytes_total"], report["connection.sent.bytes_total"]) == (6, 0)
    assert report["check.cache_hit"] is False
    wait_until(lambda: not tcp_backend.open_connections, "the end of the upstream connection")
    assert bytes(b"".join(tcp_backend.received[known:])) == b""
    assert events(quiet_mixer) == ["close"]


def test_data_that_comes_during_the_check_is_kept_and_passed_in_order(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.3)
    sent = bytes(range(256)) * 1000
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(sent[:10])
        quiet_mixer.wait_for_checks(1)
        connection.sendall(sent[10:])
        assert receive(connection, len(sent)) == sent
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"bye"
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["connection.received.bytes_total"] == len(sent)
    assert report["connection.sent.bytes_total"] == len(sent) + len(b"bye")


def test_more_data_than_envoy_buffers_waits_for_the_decision(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.5)
    sent = b"z" * 5_000_000
    with connect(tcp_proxy.tcp_address) as connection:
        reader = connection.dup()
        reader.settimeout(20.0)
        with reader:
            connection.sendall(sent[:1_500_000])
            assert receive(reader, 1_500_000) == sent[:1_500_000]
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["connection.received.bytes_total"] == 1_500_000


def test_a_cached_decision_needs_no_further_check(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(uses=2, references=[Reference("source.ip"), Reference("service.mark")])
    before = tcp_proxy.stats(COUNTERS)
    for _ in range(3):
        with connect(tcp_proxy.tcp_address) as connection:
            connection.sendall(b"again")
            assert receive(connection, 5) == b"again"
            connection.shutdown(socket.SHUT_WR)
            assert receive_all(connection) == b"bye"
    reports = quiet_mixer.wait_for_reports(6)
    assert len(quiet_mixer.checks) == 1
    assert [bag["check.cache_hit"] for bag in reports if bag["connection.event"] == "close"] == [False, True, True]
    assert {bag["connection.received.bytes_total"] for bag in reports if bag["connection.event"] == "close"} == {5}
    tcp_proxy.wait_for_stats(
        {
            COUNTERS + "total_check_calls": 3,
            COUNTERS + "total_check_cache_hits": 2,
            COUNTERS + "total_check_cache_hit_accepts": 2,
            COUNTERS + "total_remote_check_calls": 1,
            COUNTERS + "total_report_calls": 6,
            "mizzen.http_mixer_filter.total_hook_failures": 0,
        },
        before,
    )


def test_a_cached_denial_closes_in_the_same_moment_and_counts_the_bytes(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(16, "who", uses=1, references=[Reference("context.protocol")])
    for _ in range(2):
        with connect(tcp_proxy.tcp_address) as connection:
            connection.sendall(b"12345")
            assert refused(connection)
    reports = quiet_mixer.wait_for_reports(2)
    assert len(quiet_mixer.checks) == 1
    told = ("connection.event", "check.cache_hit", "check.error_code", "connection.received.bytes_total")
    assert [tuple(bag[name] for name in told) for bag in reports] == [("close", False, 16, 5), ("close", True, 16, 5)]


def test_a_client_that_breaks_off_during_the_check_cancels_it(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=3.0)
    before = tcp_proxy.stats(COUNTERS)
    connection = connect(tcp_proxy.tcp_address)
    connection.sendall(b"never mind")
    quiet_mixer.wait_for_checks(1)
    break_off(connection)
    report = quiet_mixer.wait_for_report("connection.event", "close", 2.5)
    assert "check.cache_hit" not in report
    assert report["connection.received.bytes_total"] == 10
    tcp_proxy.wait_for_stats({COUNTERS + "total_remote_call_cancellations": 1}, before)
    assert events(quiet_mixer) == ["close"]


def test_a_service_that_breaks_off_during_the_check_ends_the_connection(
    tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=3.0)
    before = tcp_proxy.stats(COUNTERS)
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"hello")
        quiet_mixer.wait_for_checks(1)
        wait_until(lambda: tcp_backend.open_connections, "the upstream connection")
        tcp_backend.reset()
        assert refused(connection)
        report = quiet_mixer.wait_for_report("connection.event", "close", 2.5)
    assert (report["connection.received.bytes_total"], report["connection.sent.bytes_total"]) == (5, 0)
    assert "check.cache_hit" not in report
    tcp_proxy.wait_for_stats({COUNTERS + "total_remote_call_cancellations": 1}, before)


def test_a_client_that_ends_its_side_during_the_check_still_gets_its_answer(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.2)
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert receive_all(connection) == b"last wordsbye"
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert (report["connection.received.bytes_total"], report["connection.sent.bytes_total"]) == (10, 13)
    assert events(quiet_mixer) == ["open", "close"]


def test_the_time_a_connection_is_held_is_measured(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(delay=0.2)
    with connect(tcp_proxy.tcp_address) as connection:
        connection.sendall(b"x")
        assert receive(connection, 1) == b"x"
    name = "envoy_mizzen_tcp_mixer_filter_check_latency_us_count{"

    def counted() -> bool:
        lines = [line for line in tcp_proxy.admin.get("/stats/prometheus").splitlines() if line.startswith(name)]
        return any(int(line.rsplit(" ", 1)[1]) > 0 for line in lines)

    wait_until(counted, "the histogram, which Envoy shows a few seconds late", 15.0)
