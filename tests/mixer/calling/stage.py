"""A handler whose clock stands still and whose time limits run when told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mizzen.config.kinds import CallLimits, QuarantineLimits
from mizzen.mixer.adapters import Adapter, CheckResult, Environment, NoParams
from mizzen.mixer.calling import Caller
from mizzen.mixer.runtime import RuntimeMetrics
from mizzen.mixer.templates import CheckNothing, Instance
from mizzen.testing.clock import FakeClock

INSTANCE = CheckNothing("n.checknothing.ns")


class FakeTimer:
    def __init__(self, due: float, work: Callable[[], None]) -> None:
        self.due = due
        self.work: Callable[[], None] | None = work

    def cancel(self) -> None:
        self.work = None


class FakeTimers:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.timers: list[FakeTimer] = []

    def after(self, seconds: float, work: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(self._clock() + seconds, work)
        self.timers.append(timer)
        return timer

    def run_due(self) -> None:
        for timer in self.timers:
            work, timer.work = (timer.work, None) if timer.due <= self._clock() else (None, timer.work)
            if work is not None:
                work()


class Stage:
    """A caller of an adapter whose methods are those given."""

    def __init__(
        self,
        check: Callable[..., Any],
        *,
        blocking: bool = False,
        calls: dict[str, Any] | None = None,
        quarantine: dict[str, Any] | None = None,
        close: Callable[[], Any] | None = None,
    ) -> None:
        class Custom(Adapter):
            name = "custom"
            templates = frozenset(["checknothing"])

        Custom.blocking = blocking
        adapter = Custom(NoParams(), Environment("h"))
        adapter.check = check  # type: ignore[method-assign]
        if close is not None:
            adapter.close = close  # type: ignore[method-assign]
        self.clock = FakeClock()
        self.timers = FakeTimers(self.clock)
        self.metrics = RuntimeMetrics()
        self.caller = Caller(
            "h.ns",
            adapter,
            self.metrics,
            CallLimits(**calls or {}),
            QuarantineLimits(**quarantine or {}),
            clock=self.clock,
            timers=self.timers,
        )

    def call(self, instance: Instance = INSTANCE) -> Any:
        """An answer or a future."""
        return self.caller.call("check", instance.template, CheckResult, instance)

    def failures(self, reason: str) -> float:
        return self.count("handler_failures_total", handler="h.ns", reason=reason)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"mizzen_mixer_{name}", labels) or 0.0
