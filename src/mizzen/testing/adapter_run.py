"""A handler under test, without a server: from parameters as YAML gives them, with time and background work in hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar

from mizzen.mixer.adapters import Adapter, CheckResult, QuotaArguments, QuotaResult
from mizzen.mixer.adapters.testing import AdapterBench, FakeTask
from mizzen.mixer.calling.loop import LoopThread
from mizzen.mixer.expr import BUILTIN, RecordedAttributes, Value
from mizzen.mixer.templates import TEMPLATES, Instance, InstanceTypes, Template

AnyAdapter = TypeVar("AnyAdapter", bound=Adapter)
_PATIENCE_SECONDS = 10.0


def build_instance(
    template: Template | str,
    params: Mapping[str, object] | None = None,
    attributes: Mapping[str, Value] | None = None,
    name: str = "test.instance.istio-system",
) -> Instance:
    """The instance that the Mixer makes of `params`, whose leaves are expressions, for a request with `attributes`.

    Raises `InstanceCompileError` or `InstanceError`, as the Mixer reports them.
    """
    known = TEMPLATES[template] if isinstance(template, str) else template
    return known.compile(name, params or {}, BUILTIN).build(RecordedAttributes(attributes or {}))


class AdapterRun(Generic[AnyAdapter]):
    """One handler and the methods of its adapter, asynchronous ones waited for. A context manager that closes it.

    `params` are as in YAML, in either spelling: pydantic's `ValidationError` or `InvalidParamsError` if they are
    wrong. Clocks stand still until `advance`; background work runs when `run_tasks` says so. `instances` are the types
    of the instances that rules would send.
    """

    def __init__(
        self,
        adapter: type[AnyAdapter],
        params: Mapping[str, Any] | None = None,
        *,
        instances: Mapping[str, InstanceTypes] | None = None,
        predecessor: Adapter | None = None,
    ) -> None:
        self._bench = AdapterBench()
        self._loop = LoopThread(f"test of {adapter.name}")
        self.handler = self._bench.build(adapter, params, instances=instances, predecessor=predecessor)

    @property
    def tasks(self) -> list[FakeTask]:
        """The background work that the handler asked for."""
        return self._bench.tasks

    @property
    def output(self) -> str:
        """What the handler printed to `environment.stdout`."""
        return self._bench.stdout.getvalue()

    def advance(self, seconds: float) -> None:
        """Moves the handler's clocks; runs nothing."""
        self._bench.advance(seconds)

    def run_tasks(self) -> None:
        """Runs all background work once; an exception comes through."""
        self._bench.run_tasks()

    def check(self, instance: Instance) -> CheckResult:
        return self._call(self.handler.check, CheckResult, instance)

    def quota(
        self, instance: Instance, amount: int = 1, *, best_effort: bool = False, deduplication_id: str = ""
    ) -> QuotaResult:
        arguments = QuotaArguments(amount, best_effort, deduplication_id)
        return self._call(self.handler.quota, QuotaResult, instance, arguments)

    def report(self, *instances: Instance) -> None:
        """One call with all `instances`, as the Mixer makes it for one Report."""
        self._call(self.handler.report, type(None), list(instances))

    def generate(self, instance: Instance) -> Mapping[str, Value]:
        return self._call(self.handler.generate, Mapping, instance)  # type: ignore[type-abstract]

    def close(self) -> None:
        """Closes the handler, as the Mixer does when it ends or replaces it."""
        try:
            self._call(self.handler.close, type(None))
        finally:
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: Callable[..., Any], wanted: type[Answered], *arguments: object) -> Answered:
        answer = method(*arguments)
        if inspect.isawaitable(answer):
            awaited = answer

            async def wait() -> Any:
                return await awaited

            answer = self._loop.submit(wait()).result(_PATIENCE_SECONDS)
        if not isinstance(answer, wanted):
            name = getattr(method, "__name__", "a method")
            raise AssertionError(f"{name} answered with {answer!r}, which is no {wanted.__name__}")
        return answer


Answered = TypeVar("Answered")
