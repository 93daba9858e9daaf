"""Handlers: adapters built with parameters, isolated from the calls that use them.

A handler is reused as long as its adapter, its parameters and the types of the instances sent to it are the same. One
that cannot be built leaves its predecessor in force, so that a mistake never switches a policy off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from mizzen.config.errors import ConfigError
from mizzen.mixer.adapters import Adapter, CheckResult, Environment, InstanceGroup, QuotaArguments, QuotaResult
from mizzen.mixer.calling import Caller, HandlerError, described
from mizzen.mixer.calling.threads import run_within
from mizzen.mixer.expr import Value
from mizzen.mixer.runtime.configured import HandlerConfig, problem_error
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.templates import Instance, InstanceTypes

__all__ = ["HandlerError", "HandlerSpec", "HandlerTable", "LiveHandler", "build_handlers", "problems_of"]

BUILD_SECONDS = 30.0
_VALIDATE_SECONDS = 10.0
_MOST_BUILDS = 32


@dataclass(frozen=True)
class HandlerSpec:
    """What a handler is made from: equal specs make interchangeable handlers."""

    config: HandlerConfig
    instances: Mapping[str, InstanceTypes]

    def makes_the_same(self, other: HandlerSpec) -> bool:
        return (
            self.config.adapter is other.config.adapter
            and self.config.params == other.config.params
            and self.config.calls == other.config.calls
            and self.config.quarantine == other.config.quarantine
            and self.instances == other.instances
        )


class LiveHandler:
    """One handler in use; see `Caller` for how its adapter is called, isolated from others."""

    def __init__(self, spec: HandlerSpec, adapter: Adapter, metrics: RuntimeMetrics) -> None:
        self.spec = spec
        self.name = spec.config.name
        self.adapter = adapter
        self._caller = Caller(self.name, adapter, metrics, spec.config.calls, spec.config.quarantine)

    @property
    def may_wait(self) -> bool:
        """Whether an answer may be a future."""
        return self._caller.may_wait

    @property
    def is_quarantined(self) -> bool:
        return self._caller.quarantine.is_active

    def check(self, instance: Instance) -> CheckResult | Future[CheckResult]:
        return self._caller.call("check", instance.template, CheckResult, instance)

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult | Future[QuotaResult]:
        return self._caller.call("quota", instance.template, QuotaResult, instance, arguments)

    def report(self, instances: Sequence[Instance]) -> Future[None] | None:
        return self._caller.call("report", instances[0].template, type(None), instances)

    def takes_groups(self, instance: str) -> bool:
        """Whether reports of this instance may come in groups; an adapter that cannot tell takes none."""
        try:
            return self.adapter.takes_groups(instance) is True
        except Exception:  # an adapter's own code
            return False

    @property
    def is_deterministic(self) -> bool:
        """Whether records with equal instances may share what it generates."""
        return self.adapter.deterministic is True

    def report_groups(self, groups: Sequence[InstanceGroup]) -> Future[None] | None:
        return self._caller.call("report_groups", groups[0].instance.template, type(None), groups)

    def generate(self, instance: Instance) -> Mapping[str, Value] | Future[Mapping[str, Value]]:
        return self._caller.call("generate", instance.template, Mapping, instance)  # type: ignore[type-abstract]

    def close(self) -> None:
        self._caller.close()


@dataclass
class HandlerTable:
    """The handlers of a snapshot by canonical name, and what became of those before it."""

    handlers: dict[str, LiveHandler] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    built: int = 0
    reused: int = 0


def build_handlers(
    specs: Mapping[str, HandlerSpec], previous: Mapping[str, LiveHandler], metrics: RuntimeMetrics
) -> HandlerTable:
    """A handler for each spec: the previous one where it would be the same, a new one, or the last good one.

    New ones are built at the same time, because one that waits for something must not hold up the others.
    """
    table = HandlerTable()
    new = {key: spec for key, spec in specs.items() if not _is_the_same(previous.get(key), spec)}
    with ThreadPoolExecutor(max(1, min(len(new), _MOST_BUILDS)), "build handlers") as pool:
        building = {key: pool.submit(_build, spec, previous.get(key)) for key, spec in sorted(new.items())}
    for key in sorted(specs):
        spec, before = specs[key], previous.get(key)
        if before is not None and key not in new:
            table.handlers[key] = before
            table.reused += 1
            continue
        adapter, errors = building[key].result()
        table.errors += errors
        if adapter is not None:
            table.handlers[key] = LiveHandler(spec, adapter, metrics)
            table.built += 1
        elif before is not None and _serves(before, spec):
            table.handlers[key] = before
            table.kept.add(key)
    return table


def _is_the_same(before: LiveHandler | None, spec: HandlerSpec) -> bool:
    return before is not None and before.spec.makes_the_same(spec)


def _serves(before: LiveHandler, spec: HandlerSpec) -> bool:
    """Whether the last good handler can take the instances: not when the name now means another adapter."""
    return {types.template for types in spec.instances.values()} <= before.adapter.templates


def problems_of(spec: HandlerSpec) -> list[ConfigError]:
    """What the adapter finds wrong with its parameters, given the instances it gets."""
    config = spec.config
    try:
        problems = run_within(
            _VALIDATE_SECONDS,
            lambda: list(config.adapter.validate(config.params, spec.instances)),
            f"validate {config.name}",
        )
    except BaseException as error:  # an adapter's own code: it could not even look at its parameters
        reason = f"cannot be validated: {described(error)}"
        return [config.resource.error(config.params_path, reason)]
    return [problem_error(config.resource, config.params_path, problem) for problem in problems]


def _build(spec: HandlerSpec, before: LiveHandler | None) -> tuple[Adapter | None, list[ConfigError]]:
    config = spec.config
    errors = problems_of(spec)
    if errors:
        return None, errors
    try:
        environment = Environment(
            handler=config.name,
            instances=spec.instances,
            logger=structlog.get_logger().bind(handler=config.name),
            predecessor=before.adapter if before is not None and type(before.adapter) is config.adapter else None,
        )
        adapter = run_within(BUILD_SECONDS, lambda: config.adapter(config.params, environment), f"build {config.name}")
        return adapter, []
    except BaseException as error:  # an adapter's own code: whatever it raises is a handler that cannot be built
        reason = f"handler cannot be built: {described(error)}"
        return None, [config.resource.error(config.params_path, reason)]
