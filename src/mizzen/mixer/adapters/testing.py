"""A bench for testing adapters: a handler from parameters as YAML would give them, with time and threads in hand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.templates import InstanceTypes, Problem

AnyAdapter = TypeVar("AnyAdapter", bound=Adapter)

_START_NS = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z


class InvalidParamsError(Exception):
    """`Adapter.validate` found problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class FakeTask:
    """Background work that runs only when the bench says so."""

    def __init__(self, seconds: float, work: Callable[[], None], name: str) -> None:
        self.seconds = seconds
        self.name = name
        self.cancelled = False
        self.woken = False
        self._work = work

    def wake(self) -> None:
        self.woken = True

    def cancel(self) -> None:
        self.cancelled = True

    def run(self) -> None:
        """Runs the work once, unless it was cancelled; its exception comes through."""
        self.woken = False
        if not self.cancelled:
            self._work()


class AdapterBench:
    """The surroundings of handlers under test. `stdout` and `stderr` collect what handlers print."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.tasks: list[FakeTask] = []
        self.stdout = io.StringIO()
        self.stderr = io.StringIO()

    def advance(self, seconds: float) -> None:
        """Moves both clocks; runs nothing."""
        self.seconds += seconds

    def now(self) -> int:
        return _START_NS + round(self.seconds * 1e9)

    def monotonic(self) -> float:
        return self.seconds

    def every(self, seconds: float, work: Callable[[], None], *, name: str) -> FakeTask:
        task = FakeTask(seconds, work, name)
        self.tasks.append(task)
        return task

    def run_tasks(self) -> None:
        """Runs every task once."""
        for task in list(self.tasks):
            task.run()

    def environment(
        self, instances: Mapping[str, InstanceTypes] | None = None, predecessor: Adapter | None = None
    ) -> Environment:
        return Environment(
            handler="handler.test",
            instances=instances or {},
            now=self.now,
            monotonic=self.monotonic,
            scheduler=self,
            predecessor=predecessor,
            stdout=self.stdout,
            stderr=self.stderr,
        )

    def build(
        self,
        adapter: type[AnyAdapter],
        params: Mapping[str, Any] | None = None,
        *,
        instances: Mapping[str, InstanceTypes] | None = None,
        predecessor: Adapter | None = None,
    ) -> AnyAdapter:
        """A handler; pydantic's ValidationError or `InvalidParamsError` if the parameters are wrong."""
        decoded = adapter.Params.model_validate_json(json.dumps(params or {}))
        problems = adapter.validate(decoded, instances or {})
        if problems:
            raise InvalidParamsError(problems)
        return adapter(decoded, self.environment(instances, predecessor))
