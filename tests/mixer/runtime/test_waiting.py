"""Checks and Reports whose handlers answer later, in every use of a handler."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from mizzen.config import SpecModel, StoreState
from mizzen.config.scan import ScannedFile
from mizzen.config.store import advance
from mizzen.mixer.adapters import Adapter, CheckResult, Environment, QuotaArguments, QuotaResult, Status
from mizzen.mixer.expr import Value
from mizzen.mixer.runtime import CallError, Dispatcher, Inventory, RuntimeMetrics, Snapshot
from mizzen.mixer.runtime.snapshot import close_replaced
from mizzen.mixer.templates import Instance
from mizzen.wire import CheckCall, QuotaParams, ReportCall, encode_check_request, encode_report_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2

PATIENCE = 5.0


class LaterParams(SpecModel):
    code: int = 0
    after: int = 0


class Later(Adapter):
    """Answers a check when `after` others have been asked too; everything else after a turn of the loop."""

    name = "later"
    templates = frozenset(["checknothing", "quota", "reportnothing", "kubernetes"])
    Params = LaterParams
    asked = threading.Semaphore(0)
    reported: list[int] = []  # noqa: RUF012 - shared with the tests

    def __init__(self, params: LaterParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self.params = params

    async def check(self, instance: Instance) -> CheckResult:
        for _ in range(self.params.after):
            await asyncio.get_running_loop().run_in_executor(None, self.asked.acquire, True, PATIENCE)
        self.asked.release()
        return CheckResult(Status(self.params.code, self.environment.handler), 2.0, 3)

    async def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        await asyncio.sleep(0)
        return QuotaResult(amount=arguments.amount - 1, valid_for=4.0)

    async def report(self, instances: Sequence[Instance]) -> None:
        await asyncio.sleep(0)
        self.reported.append(len(instances))

    async def generate(self, instance: Instance) -> Mapping[str, Value]:
        await asyncio.sleep(0)
        return {"source_pod_name": "mallory"}


HANDLERS = """\
{kind: later, metadata: {name: a}, spec: {code: A, after: 1}}
---
{kind: later, metadata: {name: b}, spec: {code: B}}
---
{kind: checknothing, metadata: {name: n}}
---
{kind: quota, metadata: {name: tokens}, spec: {dimensions: {}}}
---
{kind: reportnothing, metadata: {name: r}}
---
kind: kubernetes
metadata: {name: g}
spec: {attribute_bindings: {source.name: $out.source_pod_name}}
---
"""
RULE = "{kind: rule, metadata: {name: %s}, spec: {match: '%s', actions: [{handler: %s.later, instances: [%s]}]}}\n---\n"


def finish(waited: Future[None] | None) -> None:
    """Waits for the end of a call, which may have come before anybody asked."""
    if waited is not None:
        waited.result(PATIENCE)


class Waiting:
    def __init__(self, *rules: tuple[str, str, str], codes: tuple[int, int] = (0, 0)) -> None:
        text = HANDLERS.replace("A,", f"{codes[0]},").replace("B}", f"{codes[1]}}}")
        for number, (match, handler, instances) in enumerate(rules):
            text += RULE % (f"r{number}", match, handler, instances)
        state = advance(StoreState(), {"f": ScannedFile(text)})
        metrics = RuntimeMetrics()
        self.snapshot = Snapshot.build(state.resources, metrics=metrics, inventory=Inventory({"later": Later}))
        assert [*state.errors, *self.snapshot.errors] == []
        self.dispatcher = Dispatcher(self.snapshot, metrics)

    def check(self, **quotas: int) -> mixer_pb2.CheckResponse:
        wanted = {name: QuotaParams(amount) for name, amount in quotas.items()}
        call = CheckCall(encode_check_request({"source.uid": "x"}, quotas=wanted))
        finish(self.dispatcher.check(call))
        return mixer_pb2.CheckResponse.FromString(call.response())

    def report(self, bags: int) -> None:
        finish(self.dispatcher.report(ReportCall(encode_report_request([{"source.uid": "x"}] * bags))))

    def close(self) -> None:
        assert close_replaced(self.snapshot, Snapshot())


@pytest.fixture(autouse=True)
def fresh() -> None:
    Later.asked = threading.Semaphore(0)
    Later.reported.clear()


def test_handlers_of_one_check_are_asked_together_and_combined_in_the_order_of_rules() -> None:
    found = Waiting(("true", "a", "n.checknothing"), ("true", "b", "n.checknothing"), codes=(5, 7))
    answer = found.check().precondition
    assert (answer.status.code, answer.valid_use_count) == (5, 3)
    assert answer.status.message.startswith("a.later.istio-system:a.later.istio-system, b.later.istio-system:")
    found.close()


def test_a_quota_is_waited_for() -> None:
    found = Waiting(("true", "b", "tokens.quota"))
    assert found.check(tokens=5).quotas["tokens"].granted_amount == 4
    found.close()


def test_generated_attributes_are_waited_for_before_rules_are_matched() -> None:
    found = Waiting(("true", "b", "g.kubernetes"), ('source.name == "mallory"', "b", "n.checknothing"), codes=(0, 9))
    assert found.check().precondition.status.code == 9
    found.close()


def test_a_report_is_done_when_every_handler_has_taken_its_part() -> None:
    found = Waiting(("true", "a", "r.reportnothing"), ("true", "b", "r.reportnothing"))
    found.report(3)
    assert Later.reported == [3, 3]
    found.close()


def test_a_failure_after_a_wait_is_the_failure_of_the_call() -> None:
    class Failing(Later):
        async def check(self, instance: Instance) -> CheckResult:
            await asyncio.get_running_loop().run_in_executor(None, self.asked.acquire, True, PATIENCE)
            raise ValueError("broken")

    text = HANDLERS.replace("A,", "0,").replace("B}", "0}") + RULE % ("r", "true", "b", "n.checknothing")
    state: Any = advance(StoreState(), {"f": ScannedFile(text)})
    snapshot = Snapshot.build(state.resources, metrics=RuntimeMetrics(), inventory=Inventory({"later": Failing}))
    dispatcher = Dispatcher(snapshot, RuntimeMetrics())
    waited = dispatcher.check(CheckCall(encode_check_request({})))
    assert waited is not None
    Later.asked.release()
    with pytest.raises(CallError, match=r"performing check operation failed: b\.later\.istio-system: broken"):
        waited.result(PATIENCE)
    assert close_replaced(snapshot, Snapshot())


def test_a_snapshot_is_in_use_while_its_calls_wait() -> None:
    found = Waiting(("true", "a", "n.checknothing"))
    waited = found.dispatcher.check(CheckCall(encode_check_request({})))
    assert waited is not None
    assert not found.snapshot.users.wait_until_idle(0.0)
    Later.asked.release()
    waited.result(PATIENCE)
    assert found.snapshot.users.wait_until_idle(PATIENCE)
    found.close()
