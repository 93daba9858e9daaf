"""What the records of one Report bring to each handler.

Records are taken in groups where the rules allow it (see `grouping`), else one by one. Both ways bring the same
instances in the same order, that of the records and within one record that of the routes, and tell the same failures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, TypeAlias

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.adapters import InstanceGroup
from mizzen.mixer.calling import HandlerError, Waits, failed
from mizzen.mixer.expr import AttributeSource, Expression, Value
from mizzen.mixer.runtime.grouping import Grouping
from mizzen.mixer.runtime.identity import NAMESPACE_ATTRIBUTES, identity_namespace
from mizzen.mixer.runtime.index import OnFailure
from mizzen.mixer.runtime.live import LiveHandler
from mizzen.mixer.runtime.preprocess import GenerationError, generate
from mizzen.mixer.runtime.routing import NamespaceRoutes, RouteTable, Step
from mizzen.mixer.runtime.watch import Watch
from mizzen.mixer.templates import Instance, InstanceError
from mizzen.wire import Bag, Plan, ReportCall

Destination: TypeAlias = tuple[LiveHandler, str, FailurePolicy]
"""A handler, a template and the policy of the rules that send there."""
_Place: TypeAlias = tuple[int, int]
"""The number of a record and that of a step among those of its routes: what comes first."""
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
        if own.grouping is not None:
            _collect_groups(call, among, own.report_places, own.grouping, collected, watch)
            continue
        bags = bags or list(call.bags())
        for number in range(len(bags)) if among is None else among:
            yield from _collect_record(bags[number], number, own, collected, watch)
    return collected


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


def _collect_groups(
    call: ReportCall,
    among: list[int] | None,
    places: Mapping[int, int],
    grouping: Grouping,
    collected: Collected,
    watch: Watch,
) -> None:
    single: list[tuple[list[int], list[Step]]] = []
    columns = grouping.columns
    for bag, members, numbers in call.group(grouping.plan, among):
        first, count = members[0], len(members)
        known: dict[Expression, Value] = {}
        steps: list[Step] = []
        for route in grouping.rules.matching(bag, _repeated(watch, count)):
            for step in route.steps:
                if id(step) not in columns:
                    steps.append(step)
                    continue
                place = (first, places[id(step)])
                try:
                    instance = step.instance.builder.build_sharing(bag, known)
                except InstanceError as error:
                    watch.instance_failed(_REPORT, error, count)
                    collected.fail(place, str(error))
                    continue
                column = columns[id(step)]
                group = InstanceGroup(instance, count, None if column is None else numbers[column])
                collected.add(place, step, instance.template, group)
        if steps:
            single.append((members, steps))
    if not single and not len(grouping.sampled):
        return
    bags = list(call.bags())
    for members, steps in single:
        for number in members:
            for step in steps:
                _collect_step(bags[number], number, step, places, collected, watch)
    if len(grouping.sampled):
        for number in range(len(bags)) if among is None else among:
            for route in grouping.sampled.matching(bags[number], watch.condition_failed):
                for step in route.steps:
                    _collect_step(bags[number], number, step, places, collected, watch)


def _repeated(watch: Watch, count: int) -> OnFailure:
    """Tells of conditions that failed for each record of a group."""

    def failed(rule: str, error: Exception, rules: int) -> None:
        watch.condition_failed(rule, error, rules * count)

    return failed


def _collect_record(bag: Bag, number: int, routes: NamespaceRoutes, collected: Collected, watch: Watch) -> Waits[None]:
    try:
        view = yield from generate(routes, bag, watch)
    except GenerationError as error:
        watch.metrics.bag_failures.inc()
        collected.fail((number, 0), f"preprocessing attributes failed: {error}")
        return
    for route in routes.report.matching(view, watch.condition_failed):
        for step in route.steps:
            _collect_step(view, number, step, routes.report_places, collected, watch)


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
