"""Reports leave in batches, by number or by time, and none is lost at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from mizzen.testing import EchoBackend, FakeMixer, HttpResponse, ProxyProcess, ReportAnswer, send, wait_until

ACCOUNT = "mizzen.report.entries_"


def config(**transport: Any) -> Mapping[str, Any]:
    service = {"d": {"disable_check_calls": True}}
    return {"default_destination_service": "d", "service_configs": service, "transport": transport}


def send_many(proxy: ProxyProcess, count: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        for response in pool.map(lambda number: send(proxy.address, f"/{number}"), range(count)):
            assert response.status == 200


def account(proxy: ProxyProcess) -> dict[str, int]:
    return {name.removeprefix(ACCOUNT): value for name, value in proxy.stats(ACCOUNT).items()}


def test_a_hundred_reports_leave_at_once(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    slow = config(report_batch_max_time="3600s")
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=slow) as proxy:
        send_many(proxy, 99)
        assert fresh_mixer.report_calls == []
        assert send(proxy.address, "/100").status == 200
        fresh_mixer.wait_for_reports(100)
        assert [len(call.bags) for call in fresh_mixer.report_calls] == [100]
    assert {bag["request.path"] for bag in fresh_mixer.reports} == {*(f"/{number}" for number in range(99)), "/100"}


def test_the_number_can_be_set(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    small = config(report_batch_max_entries=3, report_batch_max_time="3600s")
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=small) as proxy:
        for number in range(3):
            send(proxy.address, f"/{number}")
        fresh_mixer.wait_for_reports(3)


def test_fewer_reports_leave_when_their_time_is_up(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=config()) as proxy:
        started = time.monotonic()
        send_many(proxy, 5)
        fresh_mixer.wait_for_reports(5)
        assert time.monotonic() - started < 5.0
        assert len(fresh_mixer.report_calls) <= 2


def test_without_batching_each_report_leaves_alone(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    alone = config(disable_report_batch=True)
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=alone) as proxy:
        for number in range(3):
            send(proxy.address, f"/{number}")
            fresh_mixer.wait_for_reports(number + 1)
        assert [len(call.bags) for call in fresh_mixer.report_calls] == [1, 1, 1]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_termination_flushes_what_waits(concurrency: int, backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    slow = config(report_batch_max_time="3600s")
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=slow, concurrency=concurrency) as proxy:
        send_many(proxy, 42)
        assert fresh_mixer.reports == []
        assert proxy.stop() == 0
    assert sorted(str(bag["request.path"]) for bag in fresh_mixer.reports) == sorted(f"/{n}" for n in range(42))


def test_requests_in_flight_at_the_termination_are_answered_and_reported(
    backend: EchoBackend, fresh_mixer: FakeMixer
) -> None:
    slow = config(report_batch_max_time="3600s")
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=slow) as proxy:
        answers: list[HttpResponse] = []
        arrived = len(backend.requests)
        client = threading.Thread(target=lambda: answers.append(send(proxy.address, "/delay/1")))
        client.start()
        wait_until(lambda: len(backend.requests) > arrived, "the request at the backend")
        assert proxy.stop() == 0
        client.join()
    assert [answer.status for answer in answers] == [200]
    assert [bag["request.path"] for bag in fresh_mixer.reports] == ["/delay/1"]


def test_reports_that_fail_are_sent_again(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    answers = [ReportAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE), ReportAnswer()]
    fresh_mixer.on_report = lambda _: answers.pop(0) if len(answers) > 1 else answers[0]
    with ProxyProcess(
        backend.address, fresh_mixer.address, filter_config=config(report_batch_max_time="0.05s")
    ) as proxy:
        send_many(proxy, 4)
        wait_until(lambda: account(proxy).get("acknowledged") == 4, "the acknowledgement", 15)
        assert account(proxy) == {"made": 4, "acknowledged": 4, "dropped": 0, "pending": 0}


def test_reports_nobody_takes_are_dropped_at_the_end_without_keeping_envoy(
    backend: EchoBackend, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_report = ReportAnswer(delay=60.0)
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=config()) as proxy:
        send_many(proxy, 4)
        started = time.monotonic()
        assert proxy.stop() == 0
        assert time.monotonic() - started < 10.0


def test_the_account_of_reports_always_adds_up(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    with ProxyProcess(
        backend.address, fresh_mixer.address, filter_config=config(report_batch_max_time="0.05s")
    ) as proxy:
        for _ in range(5):
            send_many(proxy, 20)
            now = account(proxy)
            assert now["made"] == now["acknowledged"] + now["dropped"] + now["pending"]
        wait_until(lambda: account(proxy)["acknowledged"] == 100, "all acknowledgements")
        assert account(proxy) == {"made": 100, "acknowledged": 100, "dropped": 0, "pending": 0}
