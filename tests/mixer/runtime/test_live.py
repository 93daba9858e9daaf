from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mizzen.config import Resource, StoreState
from mizzen.config.kinds import CallLimits, QuarantineLimits
from mizzen.config.scan import ScannedFile
from mizzen.config.store import advance
from mizzen.mixer.adapters import Adapter, CheckResult, Environment, NoParams
from mizzen.mixer.runtime import Inventory, RuntimeMetrics, Snapshot
from mizzen.mixer.runtime import live as live_module
from mizzen.mixer.runtime.configured import HandlerConfig
from mizzen.mixer.runtime.live import HandlerError, HandlerSpec, LiveHandler, build_handlers, problems_of
from mizzen.mixer.templates import CheckNothing, Instance, InstanceTypes, Problem

INSTANCE = CheckNothing("n.checknothing.ns")


class Custom(Adapter):
    name = "custom"
    templates = frozenset(["checknothing"])

    def check(self, instance: Instance) -> CheckResult:
        raise ZeroDivisionError("divided")


def spec(adapter: type[Adapter] = Custom) -> HandlerSpec:
    config = HandlerConfig(Resource("custom", "h", "ns", {}), "h.custom.ns", adapter, NoParams(), ("spec",))
    return HandlerSpec(config, {})


def test_an_exception_of_an_adapter_becomes_a_handler_error() -> None:
    handler = LiveHandler(spec(), Custom(NoParams(), Environment("h")), RuntimeMetrics())
    with pytest.raises(HandlerError, match=r"h\.custom\.ns: divided"):
        handler.check(INSTANCE)


def test_a_handler_whose_limits_change_is_not_the_same() -> None:
    one = spec()
    assert one.makes_the_same(spec())
    assert not one.makes_the_same(replace(one, config=replace(one.config, calls=CallLimits(threads=3))))
    assert not one.makes_the_same(replace(one, config=replace(one.config, quarantine=QuarantineLimits(failures=0))))


def test_a_constructor_that_leaves_the_process_is_a_handler_that_cannot_be_built() -> None:
    class Leaving(Custom):
        def __init__(self, params: Any, environment: Environment) -> None:
            raise SystemExit(3)

    table = build_handlers({"h": spec(Leaving)}, {}, RuntimeMetrics())
    assert [error.reason for error in table.errors] == ["handler cannot be built: 3"]


def test_a_constructor_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(seconds: float, work: object, name: str) -> object:
        raise TimeoutError(f"not done within {seconds:g} s")

    monkeypatch.setattr(live_module, "run_within", late)
    table = build_handlers({"h": spec()}, {}, RuntimeMetrics())
    assert [error.reason for error in table.errors] == ["cannot be validated: not done within 10 s"]


def test_a_handler_that_waits_while_it_is_built_does_not_hold_up_the_others() -> None:
    meeting = threading.Barrier(2, timeout=10)

    class Waiting(Custom):
        def __init__(self, params: Any, environment: Environment) -> None:
            super().__init__(params, environment)
            meeting.wait()

    table = build_handlers({"a": spec(Waiting), "b": spec(Waiting)}, {}, RuntimeMetrics())
    assert not table.errors
    assert list(table.handlers) == ["a", "b"]
    assert table.built == 2


def test_a_validation_that_leaves_the_process_is_an_error_of_the_configuration() -> None:
    class Leaving(Custom):
        @classmethod
        def validate(cls, params: Any, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
            raise SystemExit("gone")

    assert [error.reason for error in problems_of(spec(Leaving))] == ["cannot be validated: gone"]


LIMITS = """\
kind: handler
metadata: {name: h}
spec: {compiledAdapter: custom, calls: {timeout: 2s, threads: 3, open: 9}, quarantine: {failures: 0, pause: 1m}}
---
{kind: checknothing, metadata: {name: n}}
---
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h, instances: [n.checknothing]}]}}
"""


def snapshot(text: str) -> Snapshot:
    state = advance(StoreState(), {"f": ScannedFile(text)})
    return Snapshot.build(state.resources, metrics=RuntimeMetrics(), inventory=Inventory({"custom": Custom}))


def test_limits_of_calls_are_read_from_the_handler() -> None:
    config = snapshot(LIMITS).handlers["h.handler.istio-system"].spec.config
    assert config.calls == CallLimits(timeout="2s", threads=3, open=9)  # type: ignore[arg-type]
    assert (config.quarantine.failures, config.quarantine.pause) == (0, 60_000_000_000)


def test_limits_that_make_no_sense_are_refused_with_their_place() -> None:
    faults = snapshot(LIMITS.replace("threads: 3", "threads: 0")).errors
    assert [(error.line, error.field) for error in faults][:1] == [(3, "spec.calls.threads")]
