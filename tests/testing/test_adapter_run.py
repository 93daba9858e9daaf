from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from mizzen.mixer.templates import InstanceCompileError
from mizzen.sdk import Adapter, CheckResult, Environment, Instance, Metric, Params, Quota, QuotaArguments, QuotaResult
from mizzen.testing import AdapterRun, build_instance


class CountingParams(Params):
    step_size: int = 1


class Counting(Adapter):
    """Counts with plain and asynchronous methods, and each second by itself."""

    name = "counting"
    templates = frozenset(["metric", "quota", "checknothing", "kubernetes"])
    Params = CountingParams

    def __init__(self, params: CountingParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self.count = getattr(environment.predecessor, "count", 0)
        self.step = params.step_size
        self.threads: set[int] = set()
        self.closed = False
        environment.scheduler.every(1.0, self.tick, name="tick")

    def tick(self) -> None:
        self.count += self.step

    def check(self, instance: Instance) -> CheckResult:
        return CheckResult(uses=self.count, valid_for=self.environment.monotonic())

    async def quota(self, instance: Quota, arguments: QuotaArguments) -> QuotaResult:
        await asyncio.sleep(0)
        self.threads.add(threading.get_ident())
        return QuotaResult(amount=arguments.amount)

    def report(self, instances: Sequence[Metric]) -> None:
        self.count += len(instances)
        print("counted", file=self.environment.stdout)

    async def generate(self, instance: Instance) -> Mapping[str, Any]:
        self.threads.add(threading.get_ident())
        return {"source_pod_name": "x"}

    async def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed = True


def test_plain_and_asynchronous_methods_are_called_alike() -> None:
    with AdapterRun(Counting, {"stepSize": 2}) as run:
        run.report(Metric("m", 1), Metric("m", 2))
        assert run.check(build_instance("checknothing")).uses == 2
        assert run.quota(Quota("q"), 5).amount == 5
        assert run.generate(build_instance("kubernetes")) == {"source_pod_name": "x"}
        assert run.output == "counted\n"
    assert run.handler.closed
    assert len(run.handler.threads) == 1, "what is asynchronous runs on one loop"


def test_time_and_background_work_are_in_hand() -> None:
    with AdapterRun(Counting, {"step_size": 3}) as run:
        run.run_tasks()
        run.advance(2.5)
        assert run.check(build_instance("checknothing")) == CheckResult(uses=3, valid_for=2.5)
        with AdapterRun(Counting, predecessor=run.handler) as successor:
            assert successor.handler.count == 3


def test_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="stepSize"):
        AdapterRun(Counting, {"stepSize": "2"})


def test_an_answer_of_the_wrong_kind_is_told() -> None:
    class Wrong(Counting):
        def check(self, instance: Instance) -> Any:
            return True

    with (
        AdapterRun(Wrong) as run,
        pytest.raises(AssertionError, match="check answered with True, which is no CheckRes"),
    ):
        run.check(build_instance("checknothing"))


def test_an_instance_is_built_from_expressions() -> None:
    found = build_instance(
        "metric", {"value": "request.size | 5", "dimensions": {"a": "source.name"}}, {"source.name": "x"}
    )
    assert found == Metric("test.instance.istio-system", 5, {"a": "x"})
    with pytest.raises(InstanceCompileError, match="valu"):
        build_instance("metric", {"valu": "1"})
