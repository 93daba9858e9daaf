"""TCP connections while the Mixer is away, slow or broken: the fail policy decides, and a counter tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pytest

from mizzen.agent.address import HostPort
from mizzen.testing import CheckAnswer, ClosingServer, FakeMixer, ProxyProcess, unused_port
from mizzen.testing.tcp import TcpBackend, carries_data, connect, receive

from .fail_policy import counts_without_a_mixer, failing_transport

COUNTERS = "mizzen.tcp_mixer_filter."


@pytest.fixture(scope="module")
def tcp_config(policy: str) -> Mapping[str, Any]:
    return {"transport": failing_transport(policy)}


@pytest.fixture(scope="module")
def lonely_proxy(tcp_backend: TcpBackend, tcp_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    nobody = HostPort("127.0.0.1", unused_port())
    with ProxyProcess(tcp_backend.address, nobody, tcp_port=0, tcp_filter_config=tcp_config) as process:
        yield process


def test_without_a_mixer_connections_pass_or_are_closed(lonely_proxy: ProxyProcess, allowed: bool) -> None:
    before = lonely_proxy.stats(COUNTERS)
    assert carries_data(lonely_proxy.tcp_address) is allowed
    lonely_proxy.wait_for_stats(counts_without_a_mixer(COUNTERS, allowed), before)


def test_a_mixer_that_closes_connections_counts_as_away(
    tcp_backend: TcpBackend, tcp_config: Mapping[str, Any], allowed: bool
) -> None:
    with (
        ClosingServer() as closing,
        ProxyProcess(tcp_backend.address, closing.address, tcp_port=0, tcp_filter_config=tcp_config) as process,
    ):
        assert carries_data(process.tcp_address) is allowed
        assert closing.connections > 0


def test_a_mixer_that_does_not_answer_in_time_counts_as_away(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer, allowed: bool
) -> None:
    before = tcp_proxy.stats(COUNTERS)
    quiet_mixer.on_check = CheckAnswer(delay=3.0)
    assert carries_data(tcp_proxy.tcp_address) is allowed
    tcp_proxy.wait_for_stats({COUNTERS + "total_remote_call_timeouts": 2}, before)


@pytest.mark.parametrize("metadata", [{}, {"mizzen-generation": "1"}])
def test_a_failed_call_is_retried_and_then_the_policy_decides(
    metadata: Mapping[str, str], tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer, allowed: bool
) -> None:
    quiet_mixer.on_check = CheckAnswer(grpc_code=grpc.StatusCode.INTERNAL, grpc_message="broken", metadata=metadata)
    assert carries_data(tcp_proxy.tcp_address) is allowed
    assert len({check.deduplication_id for check in quiet_mixer.checks}) == 1
    assert len(quiet_mixer.checks) == 2
    report = quiet_mixer.wait_for_report("connection.event", "close")
    # after initial metadata the status is in the trailers, which a network filter is not shown
    code = grpc.StatusCode.UNAVAILABLE if metadata else grpc.StatusCode.INTERNAL
    assert report.get("check.error_code") == (None if allowed else code.value[0])


def test_a_retry_that_succeeds_decides(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    answers = [CheckAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE), CheckAnswer(7, "no")]
    quiet_mixer.on_check = lambda _: answers.pop(0)
    assert not carries_data(tcp_proxy.tcp_address)
    assert quiet_mixer.wait_for_report("connection.event", "close")["check.error_code"] == 7


def test_the_decision_internal_follows_the_policy(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer, allowed: bool
) -> None:
    quiet_mixer.on_check = CheckAnswer(13, "adapter broke")
    assert carries_data(tcp_proxy.tcp_address) is allowed


def test_reports_wait_for_a_mixer_that_comes_back(tcp_backend: TcpBackend, tcp_config: Mapping[str, Any]) -> None:
    with FakeMixer() as first:
        place = first.address
        with ProxyProcess(tcp_backend.address, place, tcp_port=0, tcp_filter_config=tcp_config) as process:
            with connect(process.tcp_address) as connection:
                connection.sendall(b"x")
                assert receive(connection, 1) == b"x"
                first.wait_for_report("connection.event", "open")
                first.stop()
            process.wait_for_stats({COUNTERS + "total_report_calls": 2})
            with FakeMixer(port=place.port) as second:
                second.wait_for_report("connection.event", "close")
