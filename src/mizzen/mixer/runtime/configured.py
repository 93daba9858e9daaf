"""Resources after compilation: still configuration, nothing alive yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mizzen.config.errors import NO_VALUE, ConfigError
from mizzen.config.kinds import CallLimits, FailurePolicy, HeaderOperationKind, QuarantineLimits
from mizzen.config.paths import Path
from mizzen.config.resource import Resource
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.expr import Expression, Vocabulary
from mizzen.mixer.runtime.outcome import Outcomes
from mizzen.mixer.templates import InstanceBuilder, Problem, Template


def problem_error(resource: Resource, path: Path, problem: Problem) -> ConfigError:
    """A problem found in the parameters at `path` of `resource`, with its place; at the key when it has no value."""
    return resource.error(
        (*path, *problem.path),
        problem.reason,
        value=problem.value,
        accepted=problem.accepted,
        key=problem.value is NO_VALUE,
    )


@dataclass(frozen=True)
class HandlerConfig:
    """An adapter with decoded parameters. `name` is the run-time name; `params_path` is where they stand."""

    resource: Resource
    name: str
    adapter: type[Adapter]
    params: Any
    params_path: Path
    calls: CallLimits = field(default_factory=CallLimits)
    quarantine: QuarantineLimits = field(default_factory=QuarantineLimits)

    @property
    def key(self) -> str:
        return self.resource.key


@dataclass(frozen=True)
class InstanceConfig:
    """A compiled instance. `bindings` (attribute to expression over its outputs) only has a generator's."""

    resource: Resource
    template: Template
    builder: InstanceBuilder
    bindings: Mapping[str, Expression] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.resource.key


@dataclass(frozen=True)
class ActionConfig:
    handler: HandlerConfig
    instances: tuple[InstanceConfig, ...]
    name: str = ""


@dataclass(frozen=True)
class HeaderOperationConfig:
    """One header operation of a rule; REMOVE has no values."""

    name: str
    operation: HeaderOperationKind
    values: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class RuleConfig:
    """A rule whose references are resolved; `match` is None when it always applies.

    `references` has every canonical name that its references may mean: what is found under another has no effect on it.
    """

    resource: Resource
    match: Expression | None
    actions: tuple[ActionConfig, ...] = ()
    request_header_operations: tuple[HeaderOperationConfig, ...] = ()
    response_header_operations: tuple[HeaderOperationConfig, ...] = ()
    failure_policy: FailurePolicy = FailurePolicy.FAIL_CALL
    references: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        return self.resource.key

    @property
    def has_header_operations(self) -> bool:
        return bool(self.request_header_operations or self.response_header_operations)


@dataclass(frozen=True)
class Compiled:
    """The outcome of compilation.

    `good` holds, by key, the version of each resource that compiled without a fault last; `kept` the keys whose
    newest version is faulty and whose good one is in force; `left_out` those that are not in force at all, or only in
    part. `outcomes` is what the next compilation may take over, `fresh` how many of them are new.
    """

    vocabulary: Vocabulary
    handlers: Mapping[str, HandlerConfig] = field(default_factory=dict)
    instances: Mapping[str, InstanceConfig] = field(default_factory=dict)
    rules: Mapping[str, RuleConfig] = field(default_factory=dict)
    good: Mapping[str, Resource] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    outcomes: Outcomes = field(default_factory=Outcomes, compare=False, repr=False)
    fresh: int = 0
