"""A Mixer that is away, slow or broken: the fail policy decides, and a counter tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import pytest

from mizzen.agent.address import HostPort
from mizzen.testing import CheckAnswer, ClosingServer, EchoBackend, FakeMixer, ProxyProcess, send, unused_port

from .fail_policy import counts_without_a_mixer, failing_transport

COUNTERS = "mizzen.http_mixer_filter."


def config(policy: str) -> Mapping[str, Any]:
    return {"default_destination_service": "d", "service_configs": {"d": {}}, "transport": failing_transport(policy)}


@pytest.fixture(scope="module")
def filter_config(policy: str) -> Mapping[str, Any]:
    return config(policy)


@pytest.fixture(scope="module")
def lonely_proxy(backend: EchoBackend, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    nobody = HostPort("127.0.0.1", unused_port())
    with ProxyProcess(backend.address, nobody, filter_config=filter_config) as process:
        yield process


def test_without_a_mixer_requests_pass_or_get_503(lonely_proxy: ProxyProcess, allowed: bool) -> None:
    before = lonely_proxy.stats(COUNTERS)
    response = send(lonely_proxy.address, "/lonely")
    assert response.status == (200 if allowed else 503)
    if not allowed:
        assert response.text.startswith("UNAVAILABLE")
    lonely_proxy.wait_for_stats(counts_without_a_mixer(COUNTERS, allowed), before)


def test_a_mixer_that_closes_connections_counts_as_away(
    backend: EchoBackend, filter_config: Mapping[str, Any], allowed: bool
) -> None:
    with (
        ClosingServer() as closing,
        ProxyProcess(backend.address, closing.address, filter_config=filter_config) as process,
    ):
        assert send(process.address, "/closed").status == (200 if allowed else 503)
        assert closing.connections > 0


def test_a_mixer_that_does_not_answer_in_time_counts_as_away(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, allowed: bool
) -> None:
    before = proxy.stats(COUNTERS)
    fresh_mixer.on_check = CheckAnswer(delay=3.0)
    assert send(proxy.address, "/slow").status == (200 if allowed else 503)
    proxy.wait_for_stats({COUNTERS + "total_remote_call_timeouts": 2}, before)


@pytest.mark.parametrize(
    ("code", "closed"),
    [
        (grpc.StatusCode.INTERNAL, 500),
        (grpc.StatusCode.UNAVAILABLE, 503),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
        (grpc.StatusCode.UNKNOWN, 500),
    ],
)
def test_a_failed_call_is_retried_and_then_the_policy_decides(
    code: grpc.StatusCode, closed: int, proxy: ProxyProcess, fresh_mixer: FakeMixer, allowed: bool
) -> None:
    fresh_mixer.on_check = CheckAnswer(grpc_code=code, grpc_message="broken")
    assert send(proxy.address, "/broken").status == (200 if allowed else closed)
    assert [check.deduplication_id for check in fresh_mixer.checks] == [fresh_mixer.checks[0].deduplication_id] * 2


def test_a_retry_that_succeeds_decides(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    answers = [CheckAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE), CheckAnswer(7, "no")]
    fresh_mixer.on_check = lambda _: answers.pop(0)
    assert send(proxy.address, "/second").status == 403


def test_the_decision_internal_follows_the_policy(proxy: ProxyProcess, fresh_mixer: FakeMixer, allowed: bool) -> None:
    fresh_mixer.on_check = CheckAnswer(13, "adapter broke")
    assert send(proxy.address, "/internal").status == (200 if allowed else 500)
    assert len(fresh_mixer.checks) == 1


def test_traffic_is_checked_again_when_the_mixer_comes_back(backend: EchoBackend, policy: str, allowed: bool) -> None:
    with FakeMixer() as first:
        place = first.address
        with ProxyProcess(backend.address, place, filter_config=config(policy)) as process:
            assert send(process.address, "/up").status == 200
            first.stop()
            assert send(process.address, "/down").status == (200 if allowed else 503)
            with FakeMixer(CheckAnswer(7, "back"), port=place.port) as second:
                second.wait_for_report("request.path", "/down")
                assert send(process.address, "/up-again").status == 403
