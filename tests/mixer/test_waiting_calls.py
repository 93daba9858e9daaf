"""Calls that wait for an adapter keep no other call, over real gRPC."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mizzen.sdk import Adapter, CheckResult, Code, Environment, Instance, Status
from mizzen.testing import CheckOutcome, LocalMixer, assert_allowed, assert_failed, assert_refused, wait_until

WAITING = 40
POLICY = """\
{kind: ADAPTER, metadata: {name: slow}}
---
{kind: checknothing, metadata: {name: n}}
---
{kind: reportnothing, metadata: {name: r}}
---
kind: rule
metadata: {name: slow}
spec: {match: source.name == "slow", actions: [{handler: slow.ADAPTER, instances: [n.checknothing, r.reportnothing]}]}
"""


class Asynchronous(Adapter):
    """Answers when it is released."""

    name = "asynchronous"
    templates = frozenset(["checknothing", "reportnothing"])
    release = threading.Event()
    entered = 0

    def __init__(self, params: Any, environment: Environment) -> None:
        super().__init__(params, environment)
        type(self).entered = 0
        self.release.clear()
        self.reported = 0

    async def check(self, instance: Instance) -> CheckResult:
        type(self).entered += 1
        while not self.release.is_set():
            await asyncio.sleep(0.005)
        return CheckResult(Status(Code.NOT_FOUND, "late"))

    async def report(self, instances: Sequence[Instance]) -> None:
        await asyncio.sleep(0)
        self.reported += len(instances)


class Blocking(Adapter):
    """The same with threads."""

    name = "blocking"
    templates = frozenset(["checknothing", "reportnothing"])
    release = threading.Event()
    entered = 0

    def __init__(self, params: Any, environment: Environment) -> None:
        super().__init__(params, environment)
        type(self).entered = 0
        self.release.clear()
        self.reported = 0

    def check(self, instance: Instance) -> CheckResult:
        type(self).entered += 1
        self.release.wait(10)
        return CheckResult(Status(Code.NOT_FOUND, "late"))

    def report(self, instances: Sequence[Instance]) -> None:
        self.reported += len(instances)


@pytest.fixture(params=[Asynchronous, Blocking])
def adapter(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield request.param
    request.param.release.set()


def test_many_calls_that_wait_keep_no_other_call(adapter: Any) -> None:
    with LocalMixer(POLICY.replace("ADAPTER", adapter.name), adapters=[adapter]) as mixer:
        with ThreadPoolExecutor(WAITING) as pool:
            waiting = [pool.submit(mixer.check, {"source.name": "slow"}) for _ in range(WAITING)]
            wait_until(lambda: adapter.entered >= 8, "calls that wait")
            for _ in range(20):
                assert_allowed(mixer.check({"source.name": "quick"}))
            assert not any(call.done() for call in waiting)
            adapter.release.set()
            for call in waiting:
                assert_refused(call.result(10), Code.NOT_FOUND, "slow.")
        assert mixer.report({"source.name": "slow"}, {"source.name": "slow"}) == ""
        handler: Any = mixer.handler(f"slow.{adapter.name}.istio-system")
        assert handler.reported == 2


def test_an_answer_that_takes_too_long_is_a_failure_of_the_call(adapter: Any) -> None:
    policy = POLICY.replace(
        "{kind: ADAPTER, metadata: {name: slow}}",
        "{kind: handler, metadata: {name: slow}, spec: {compiledAdapter: ADAPTER, calls: {timeout: 50ms}}}",
    ).replace("slow.ADAPTER", "slow")
    with LocalMixer(policy.replace("ADAPTER", adapter.name), adapters=[adapter]) as mixer:
        outcome: CheckOutcome = mixer.check({"source.name": "slow"})
        assert_failed(outcome, "INTERNAL", "slow.istio-system: no answer within 0.05 s")
        assert mixer.metric("mizzen_mixer_handler_failures_total", handler="slow.istio-system", reason="timeout") == 1
