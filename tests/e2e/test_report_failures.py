"""Reports that cannot be delivered: tried again, held within bounds, dropped oldest first, and always accounted for."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from mizzen.agent.address import HostPort
from mizzen.testing import (
    EchoBackend,
    FakeMixer,
    ProxyProcess,
    ReportAnswer,
    ScriptedHttp2,
    SendData,
    SendHeaders,
    send,
    unused_port,
    wait_until,
)
from mizzen.testing.http2 import Step
from mizzen.testing.mixer import ReceivedReport

ACCOUNT = "mizzen.report.entries_"
COUNTERS = "mizzen.http_mixer_filter.total_remote_report_"
ROWS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("report_failures.yaml").read_text())
SCRIPTS: Mapping[str, list[Step]] = {
    "page": [SendHeaders([(":status", "200"), ("content-type", "text/html")]), SendData(b"<html>", end=True)],
    "cut": [SendHeaders([(":status", "200"), ("content-type", "application/grpc")]), SendData(b"\0\0\0", end=True)],
}
AWAY = ReportAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE)
INVALID_DICTIONARY = "Request could not be processed due to invalid dictionary"


def config(**transport: Any) -> Mapping[str, Any]:
    service = {"d": {"disable_check_calls": True}}
    own = {"report_batch_max_time": "0.02s", "rpc_timeout": "0.3s", **transport}
    return {"default_destination_service": "d", "service_configs": service, "transport": own}


def account(proxy: ProxyProcess) -> dict[str, int]:
    return {name.removeprefix(ACCOUNT): value for name, value in proxy.stats(ACCOUNT).items()}


def adds_up(now: Mapping[str, int]) -> bool:
    return now["made"] == now["acknowledged"] + now["dropped"] + now["pending"]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_failed_batch(row: dict[str, Any], backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    transport: dict[str, Any] = {"report_cluster": "nowhere"} if row["mixer"] == "unknown" else {}
    with ScriptedHttp2(SCRIPTS.get(str(row.get("answer")), ())) as scripted:
        refused = HostPort("127.0.0.1", unused_port())
        address = {"asked": fresh_mixer.address, "scripted": scripted.address}.get(row["mixer"], refused)
        if row["mixer"] == "asked":
            code = row["answer"].get("grpc_code")
            answer = {**row["answer"], "grpc_code": grpc.StatusCode[code] if code else None}
            first = [ReportAnswer(**answer)]
            fresh_mixer.on_report = lambda _: first.pop() if first else ReportAnswer()
        with ProxyProcess(backend.address, address, filter_config=config(**transport)) as proxy:
            assert send(proxy.address, "/reported").status == 200
            wait_until(lambda: proxy.stats(COUNTERS)[COUNTERS + row["counted"]] >= 1, "the failure")
            expected = {"made": 1, "acknowledged": 0, "dropped": 0, "pending": 0, row["becomes"]: 1}
            wait_until(lambda: account(proxy) == expected, f"the account {expected}")
            again = int(row["becomes"] == "acknowledged")
            if row["mixer"] == "asked":
                proxy.wait_for_stats(
                    {COUNTERS + "calls": 1, COUNTERS + "retries": again, COUNTERS + "successes": again}
                )
                assert [call.bags[0]["request.path"] for call in fresh_mixer.report_calls] == ["/reported"] * (
                    1 + again
                )


BOUNDS = {"entries": {"report_buffer_entries": 10}, "bytes": {"report_buffer_bytes": 6000}}


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
def test_beyond_the_bound_the_oldest_are_dropped(
    bound: Mapping[str, int], backend: EchoBackend, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_report = AWAY
    settings = config(report_batch_max_entries=5, report_batch_max_time="3600s", **bound)
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=settings) as proxy:
        for number in range(60):
            assert send(proxy.address, f"/{number}").status == 200
            assert adds_up(account(proxy))
        wait_until(lambda: account(proxy)["made"] == 60, "sixty reports")
        held = account(proxy)
        # the bound, and beyond it the newest batch and those in flight
        assert 0 < held["pending"] <= 10 + 5 + 4 * 5
        assert held["acknowledged"] == 0
        fresh_mixer.forget()
        fresh_mixer.on_report = ReportAnswer()
        wait_until(lambda: account(proxy)["pending"] == 0, "the delivery", 20)
        final = account(proxy)
        assert final["acknowledged"] == len(fresh_mixer.reports)
        assert adds_up(final)
        arrived = sorted(int(str(bag["request.path"])[1:]) for bag in fresh_mixer.reports)
        assert arrived[-10:] == list(range(50, 60)), "the newest are kept"
        assert final["dropped"] >= 60 - held["pending"]


def test_what_waited_arrives_when_the_mixer_is_back(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_report = AWAY
    settings = config(report_batch_max_entries=2, report_batch_max_time="3600s")
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=settings) as proxy:
        for number in range(12):
            assert send(proxy.address, f"/{number}").status == 200
        wait_until(lambda: account(proxy)["pending"] == 12, "twelve that wait")
        fresh_mixer.forget()
        fresh_mixer.on_report = ReportAnswer()
        wait_until(lambda: account(proxy)["acknowledged"] == 12, "the delivery", 20)
    assert {bag["request.path"] for bag in fresh_mixer.reports} == {f"/{number}" for number in range(12)}


def test_the_account_adds_up_while_the_mixer_comes_and_goes(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    chance = random.Random(4)
    answers = [ReportAnswer(), AWAY, ReportAnswer(grpc_code=grpc.StatusCode.INTERNAL), ReportAnswer(delay=0.05)]
    fresh_mixer.on_report = lambda _: chance.choice(answers)
    settings = config(report_batch_max_entries=7, report_buffer_entries=40)
    stop = threading.Event()
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=settings, concurrency=2) as proxy:

        def load(client: int) -> int:
            sent = 0
            while not stop.is_set():
                assert send(proxy.address, f"/{client}/{sent}").status == 200
                sent += 1
            return sent

        with ThreadPoolExecutor(4) as pool:
            clients = [pool.submit(load, client) for client in range(4)]
            seen = [account(proxy) for _ in range(60)]
            stop.set()
            sent = sum(client.result() for client in clients)
        assert all(adds_up(now) for now in seen)
        assert seen[-1]["made"] > seen[0]["made"]
        fresh_mixer.on_report = ReportAnswer()
        wait_until(lambda: account(proxy)["made"] == sent and account(proxy)["pending"] == 0, "the end", 20)
        assert adds_up(account(proxy))


def test_reports_use_fewer_words_for_a_mixer_that_knows_fewer(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    def take(report: ReceivedReport) -> ReportAnswer:
        if report.global_word_count > 111:
            return ReportAnswer(grpc_code=grpc.StatusCode.INVALID_ARGUMENT, grpc_message=INVALID_DICTIONARY)
        return ReportAnswer()

    fresh_mixer.on_report = take
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=config()) as proxy:
        send(proxy.address, "/first")
        wait_until(lambda: account(proxy)["dropped"] == 1, "the batch that cannot be read")
        send(proxy.address, "/second")
        wait_until(lambda: account(proxy)["acknowledged"] == 1, "the batch in fewer words")
    assert [call.global_word_count for call in fresh_mixer.report_calls] == [222, 111]
    assert fresh_mixer.reports[-1]["request.path"] == "/second"


@pytest.mark.parametrize("delta", [False, True], ids=["independent", "delta"])
def test_both_encodings_tell_the_same(delta: bool, backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    """A request with a header less than the one before cannot follow it in one delta batch."""
    settings = config(report_batch_max_time="3600s", report_delta_encoding=delta)
    users = ["ann", "ann", "bob", None, "ann"]
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=settings) as proxy:
        for number, user in enumerate(users):
            headers = [("referer", user)] if user else []
            assert send(proxy.address, f"/{number}", headers=headers).status == 200
    bags = sorted(fresh_mixer.reports, key=lambda bag: str(bag["request.path"]))
    assert [bag.get("request.referer") for bag in bags] == users
    assert [bag["request.path"] for bag in bags] == [f"/{number}" for number in range(5)]
    assert len(fresh_mixer.report_calls) == (2 if delta else 1)


def test_the_documentation_lists_every_cause() -> None:
    page = Path(__file__).parents[2] / "docs" / "failures.md"
    for row in ROWS:
        [line] = [line for line in page.read_text().splitlines() if f"`test_a_failed_batch[{row['name']}]`" in line]
        assert row["cause"] in line
        assert row["counted"] in line
