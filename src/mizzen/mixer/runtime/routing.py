"""Routes: for each namespace, the rules that apply there, by what they are used for.

Rules of the default configuration namespace apply to every request, those of another namespace to requests whose
identity namespace it is. The order is fixed: default rules first, then the namespace's own, each by canonical name.
Header operations of default rules count in every namespace (Istio's Mixer lost them where a namespace had own rules).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.expr import Expression
from mizzen.mixer.runtime.configured import HeaderOperationConfig, InstanceConfig, RuleConfig
from mizzen.mixer.runtime.grouping import Grouping, grouping_of
from mizzen.mixer.runtime.index import RuleSet
from mizzen.mixer.runtime.live import LiveHandler
from mizzen.mixer.runtime.names import short_name
from mizzen.mixer.templates import Variety


@dataclass(frozen=True)
class Step:
    """One instance that goes to one handler; `action` is the name under which header values see its output.

    `policy` is its rule's: what happens when the handler cannot answer.
    """

    handler: LiveHandler
    instance: InstanceConfig
    action: str = ""
    policy: FailurePolicy = FailurePolicy.FAIL_CALL


@dataclass(frozen=True)
class Route:
    """What a rule does in one use: the steps of the varieties of that use and, for Check, header operations."""

    key: str
    match: Expression | None
    steps: tuple[Step, ...] = ()
    request_header_operations: tuple[HeaderOperationConfig, ...] = ()
    response_header_operations: tuple[HeaderOperationConfig, ...] = ()


@dataclass(frozen=True)
class NamespaceRoutes:
    """The routes of one namespace. `quota` is by the lower-case short name of the quota's instance."""

    check: RuleSet[Route] = field(default_factory=lambda: RuleSet(()))
    report: RuleSet[Route] = field(default_factory=lambda: RuleSet(()))
    generate: RuleSet[Route] = field(default_factory=lambda: RuleSet(()))
    quota: Mapping[str, RuleSet[Route]] = field(default_factory=dict)

    @cached_property
    def grouping(self) -> Grouping | None:
        """How records of Reports are grouped; None when each is looked at for itself."""
        return grouping_of(self)

    @cached_property
    def report_places(self) -> Mapping[int, int]:
        """The order of the steps of Reports, by the identity of each."""
        steps = (step for route in self.report.rules for step in route.steps)
        return {id(step): place for place, step in enumerate(steps, 1)}


@dataclass(frozen=True, slots=True)
class RuleRoutes:
    """What one rule does in each use. `quotas` are by the lower-case short name of the quota's instance."""

    rule: RuleConfig
    handlers: tuple[LiveHandler | None, ...]
    check: Route | None
    report: Route | None
    generate: Route | None
    quotas: tuple[tuple[str, Route], ...]

    def are_with(self, live: Mapping[str, LiveHandler]) -> bool:
        """Whether they would be the same with these handlers."""
        return all(
            live.get(action.handler.key) is handler
            for action, handler in zip(self.rule.actions, self.handlers, strict=True)
        )


class RouteTable:
    """The routes of a snapshot. Immutable; finding those of a request is one dictionary look-up.

    What is the same as in the table of the snapshot before is taken over: the routes of a rule that was not compiled
    again and whose handlers are the same, and everything of a namespace with nothing but such rules.
    """

    def __init__(
        self,
        rules: Mapping[str, RuleConfig] | None = None,
        handlers: Mapping[str, LiveHandler] | None = None,
        default_namespace: str = "",
        previous: RouteTable | None = None,
    ) -> None:
        live = self._live = handlers or {}
        before = previous._by_rule if previous is not None else {}
        same = previous is not None and previous._live == live
        self._by_rule: dict[str, RuleRoutes] = {}
        own: dict[str, list[RuleRoutes]] = {}
        for key, rule in sorted((rules or {}).items()):
            found = before.get(key)
            if found is None or found.rule is not rule or not (same or found.are_with(live)):
                found = _routes_of(rule, live)
            self._by_rule[key] = found
            own.setdefault(rule.resource.namespace, []).append(found)
        shared = own.pop(default_namespace, [])
        known = previous._known if previous is not None else {}
        self._known: dict[str, tuple[list[RuleRoutes], NamespaceRoutes]] = {}
        self._default = self._gather("", shared, known)
        self._namespaces = {name: self._gather(name, [*shared, *some], known) for name, some in own.items()}

    def _gather(
        self, name: str, some: list[RuleRoutes], known: Mapping[str, tuple[list[RuleRoutes], NamespaceRoutes]]
    ) -> NamespaceRoutes:
        before = known.get(name)
        same = before is not None and len(before[0]) == len(some) and all(map(operator.is_, before[0], some))
        routes = before[1] if before is not None and same else _routes(some)
        self._known[name] = some, routes
        return routes

    @property
    def has_namespaces(self) -> bool:
        """Whether any namespace has other routes than the default ones."""
        return bool(self._namespaces)

    def of(self, namespace: str) -> NamespaceRoutes:
        return self._namespaces.get(namespace, self._default)

    def destinations(self) -> Mapping[str, int]:
        """How many steps the routes hold, by what they are used for."""
        counts = {"check": 0, "report": 0, "quota": 0, "attribute_generator": 0}
        for routes in (self._default, *self._namespaces.values()):
            counts["check"] += sum(len(route.steps) for route in routes.check.rules)
            counts["report"] += sum(len(route.steps) for route in routes.report.rules)
            counts["attribute_generator"] += sum(len(route.steps) for route in routes.generate.rules)
            counts["quota"] += sum(len(route.steps) for found in routes.quota.values() for route in found.rules)
        return counts


def _routes(rules: Iterable[RuleRoutes]) -> NamespaceRoutes:
    check: list[Route] = []
    report: list[Route] = []
    generate: list[Route] = []
    quota: dict[str, list[Route]] = {}
    for rule in rules:
        for route, routes in ((rule.check, check), (rule.report, report), (rule.generate, generate)):
            if route is not None:
                routes.append(route)
        for name, route in rule.quotas:
            quota.setdefault(name, []).append(route)
    return NamespaceRoutes(
        RuleSet(check), RuleSet(report), RuleSet(generate), {name: RuleSet(some) for name, some in quota.items()}
    )


def _routes_of(rule: RuleConfig, handlers: Mapping[str, LiveHandler]) -> RuleRoutes:
    steps = _steps(rule, handlers)
    checks = tuple(step for step in steps if _variety(step) in (Variety.CHECK, Variety.CHECK_WITH_OUTPUT))
    check = None
    if checks or rule.has_header_operations:
        operations = (rule.request_header_operations, rule.response_header_operations)
        check = Route(rule.key, rule.match, checks, *operations)
    some = {
        variety: tuple(step for step in steps if _variety(step) is variety)
        for variety in (Variety.REPORT, Variety.ATTRIBUTE_GENERATOR)
    }
    report, generate = (Route(rule.key, rule.match, its) if its else None for its in some.values())
    quotas: dict[str, list[Step]] = {}
    for step in steps:
        if _variety(step) is Variety.QUOTA:
            quotas.setdefault(short_name(step.instance.key).lower(), []).append(step)
    return RuleRoutes(
        rule,
        tuple(handlers.get(action.handler.key) for action in rule.actions),
        check,
        report,
        generate,
        tuple((name, Route(rule.key, rule.match, tuple(its))) for name, its in quotas.items()),
    )


def _steps(rule: RuleConfig, handlers: Mapping[str, LiveHandler]) -> list[Step]:
    """The steps of a rule's actions; an action whose handler is not alive has none."""
    return [
        Step(handlers[action.handler.key], instance, action.name, rule.failure_policy)
        for action in rule.actions
        if action.handler.key in handlers
        for instance in action.instances
    ]


def _variety(step: Step) -> Variety:
    return step.instance.template.variety
