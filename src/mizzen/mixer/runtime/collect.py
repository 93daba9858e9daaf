"""What the records of one Report bring to each handler.

Records are taken in groups where the rules allow it (see `grouping`), else one by one. Both ways bring the same
instances in the same order, that of the records and within one record that of the routes, and tell the same failures.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import NamedTuple, TypeAlias

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.adapters import InstanceGroup
from mizzen.mixer.calling import HandlerError, Waits, failed
from mizzen.mixer.expr import AttributeSource, Expression, Value
from mizzen.mixer.runtime.grouping import Grouping
from mizzen.mixer.runtime.identity import NAMESPACE_ATTRIBUTES, identity_namespace
from mizzen.mixer.runtime.live import LiveHandler
from mizzen.mixer.runtime.overlay import Overlay
from mizzen.mixer.runtime.preprocess import GenerationError, generate, repeated
from mizzen.mixer.runtime.routing import NamespaceRoutes, RouteTable, Step
from mizzen.mixer.runtime.watch import Watch
from mizzen.mixer.templates import Instance, InstanceError
from mizzen.wire import Bag, Plan, ReportCall

Destination: TypeAlias = tuple[LiveHandler, str, FailurePolicy]
"""A handler, a template and the policy of the rules that send there."""
_Place: TypeAlias = tuple[int, int]
"""The number of a record and that of a step among those of its routes: what comes first."""
_Shared: TypeAlias = tuple[Mapping[str, Value], list[int] | None]
"""Generated attributes, and the numbers of the records that have them; None: all of the Report."""
_IDENTITY = Plan([(name, None) for name in NAMESPACE_ATTRIBUTES], [])
_REPORT = "report"


class Delivery(NamedTuple):
    """What one handler got, and its answer."""

    handler: LiveHandler
    policy: FailurePolicy
    size: int
    answer: Future[None] | None


class Collected:
    """The instances of one Report by destination, and what could not be built."""

    def __init__(self) -> None:
        self._items: dict[Destination, list[tuple[int, int, Instance | InstanceGroup]]] = {}
        self._failures: list[tuple[int, int, str]] = []

    def add(self, place: _Place, step: Step, template: str, item: Instance | InstanceGroup) -> None:
        self._items.setdefault((step.handler, template, step.policy), []).append((*place, item))

    def fail(self, place: _Place, text: str) -> None:
        self._failures.append((*place, text))

    def failures(self) -> list[str]:
        return [text for _, _, text in sorted(self._failures)]

    def deliver(self) -> list[Delivery]:
        """Gives each destination everything it gets, in one call; none is waited for."""
        return [_deliver(*destination, items) for destination, items in self._items.items()]


def _deliver(
    handler: LiveHandler, _: str, policy: FailurePolicy, items: list[tuple[int, int, Instance | InstanceGroup]]
) -> Delivery:
    items.sort(key=_place)
    instances = [item for _, _, item in items if not isinstance(item, InstanceGroup)]
    count = len(instances)
    answer: Future[None] | None
    try:
        if count == len(items):
            answer = handler.report(instances)
        else:
            groups = [item if isinstance(item, InstanceGroup) else InstanceGroup(item) for _, _, item in items]
            count = sum(group.count for group in groups)
            answer = handler.report_groups(groups)
    except HandlerError as error:
        answer = failed(error)
    return Delivery(handler, policy, count, answer)


def collect(routes: RouteTable, call: ReportCall, watch: Watch) -> Waits[Collected]:
    """Builds all instances of a Report. What cannot be built is a failure, and the rest goes on."""
    collected = Collected()
    bags: Sequence[Bag] = ()
    for namespace, among in _namespaces(routes, call):
        own = routes.of(namespace)
        grouping = own.grouping
        if grouping is None:
            bags = bags or list(call.bags())
            for number in range(len(bags)) if among is None else among:
                yield from _collect_record(bags[number], number, own, collected, watch)
        else:
            groups = _Groups(call, own.report_places, grouping, collected, watch)
            if grouping.generators is None:
                groups.collect([({}, among)])
            else:
                found = yield from _generated(call, among, own, grouping.generators, collected, watch)
                groups.collect(found)
    return collected


def _generated(
    call: ReportCall, among: list[int] | None, routes: NamespaceRoutes, plan: Plan, collected: Collected, watch: Watch
) -> Waits[list[_Shared]]:
    """The records that can be used, taken together by what is generated for them."""
    found: dict[Hashable, tuple[Mapping[str, Value], list[int]]] = {}
    for bag, members, _ in call.group(plan, among):
        try:
            view = yield from generate(routes, bag, watch, len(members))
        except GenerationError as error:
            for number in members:
                _unusable(number, error, collected, watch)
        else:
            values = view.values if isinstance(view, Overlay) else {}
            found.setdefault(_identity(values), (values, []))[1].extend(members)
    return [(values, sorted(members)) for values, members in found.values()]


def _identity(values: Mapping[str, Value]) -> Hashable:
    """Equal for equal values only; a name always has values of one type."""
    try:
        return frozenset(
            (name, frozenset(value.items()) if isinstance(value, Mapping) else value) for name, value in values.items()
        )
    except TypeError:  # a map of something that is no text: by itself
        return id(values)


def _namespaces(routes: RouteTable, call: ReportCall) -> Iterable[tuple[str, list[int] | None]]:
    """Each identity namespace with the numbers of its records; None: with all of them."""
    if not routes.has_namespaces:
        return [("", None)]
    found: dict[str, list[int]] = {}
    for bag, members, _ in call.group(_IDENTITY):
        found.setdefault(identity_namespace(bag), []).extend(members)
    if len(found) == 1:
        return [(namespace, None) for namespace in found]
    return [(namespace, sorted(members)) for namespace, members in found.items()]


class _Groups:
    """Collects groups of records of one namespace."""

    def __init__(
        self, call: ReportCall, places: Mapping[int, int], grouping: Grouping, collected: Collected, watch: Watch
    ) -> None:
        self.call = call
        self.places = places
        self.grouping = grouping
        self.collected = collected
        self.watch = watch

    def collect(self, shared: Iterable[_Shared]) -> None:
        """Takes the records, each with the attributes that are generated for it."""
        shared = list(shared)
        for generated, among in shared:
            self._collect_shared(generated, among)
        if len(self.grouping.sampled):
            self._collect_samples(shared)

    def _collect_shared(self, generated: Mapping[str, Value], among: list[int] | None) -> None:
        for bag, members, numbers in self.call.group(self.grouping.plan, among):
            steps = self._collect_group(_laid_over(bag, generated), members, numbers)
            for number in members if steps else ():
                for step in steps:
                    self._collect_step(_laid_over(self.bags[number], generated), number, step)

    def _collect_samples(self, shared: list[_Shared]) -> None:
        """Asks the rules that apply to a sample, for one record after the other."""
        views = [
            (number, generated)
            for generated, among in shared
            for number in (range(len(self.bags)) if among is None else among)
        ]
        for number, generated in sorted(views, key=operator.itemgetter(0)):
            view = _laid_over(self.bags[number], generated)
            for route in self.grouping.sampled.matching(view, self.watch.condition_failed):
                for step in route.steps:
                    self._collect_step(view, number, step)

    @cached_property
    def bags(self) -> list[Bag]:
        return list(self.call.bags())

    def _collect_step(self, bag: AttributeSource, number: int, step: Step) -> None:
        _collect_step(bag, number, step, self.places, self.collected, self.watch)

    def _collect_group(
        self, bag: AttributeSource, members: list[int], numbers: tuple[list[float] | None, ...]
    ) -> list[Step]:
        """Builds what is the same in the whole group; the steps that want each record of it."""
        first, count = members[0], len(members)
        columns = self.grouping.columns
        known: dict[Expression, Value] = {}
        single: list[Step] = []
        for route in self.grouping.rules.matching(bag, repeated(self.watch, count)):
            for step in route.steps:
                if id(step) not in columns:
                    single.append(step)
                    continue
                place = (first, self.places[id(step)])
                try:
                    instance = step.instance.builder.build_sharing(bag, known)
                except InstanceError as error:
                    self.watch.instance_failed(_REPORT, error, count)
                    self.collected.fail(place, str(error))
                    continue
                column = columns[id(step)]
                group = InstanceGroup(instance, count, None if column is None else numbers[column])
                self.collected.add(place, step, instance.template, group)
        return single


def _laid_over(bag: Bag, generated: Mapping[str, Value]) -> AttributeSource:
    return Overlay(bag, generated) if generated else bag


def _collect_record(bag: Bag, number: int, routes: NamespaceRoutes, collected: Collected, watch: Watch) -> Waits[None]:
    try:
        view = yield from generate(routes, bag, watch)
    except GenerationError as error:
        _unusable(number, error, collected, watch)
        return
    for route in routes.report.matching(view, watch.condition_failed):
        for step in route.steps:
            _collect_step(view, number, step, routes.report_places, collected, watch)


def _unusable(number: int, error: GenerationError, collected: Collected, watch: Watch) -> None:
    watch.metrics.bag_failures.inc()
    collected.fail((number, 0), f"preprocessing attributes failed: {error}")


def _collect_step(
    bag: AttributeSource, number: int, step: Step, places: Mapping[int, int], collected: Collected, watch: Watch
) -> None:
    place = (number, places[id(step)])
    try:
        instance = step.instance.builder.build(bag)
    except InstanceError as error:
        watch.instance_failed(_REPORT, error)
        collected.fail(place, str(error))
    else:
        collected.add(place, step, instance.template, instance)


def _place(item: tuple[int, int, object]) -> _Place:
    return item[0], item[1]
