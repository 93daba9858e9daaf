"""Which instances of a namespace's Reports need to be built once per group of records only.

Most records of a Report agree in everything that conditions and dimensions read and differ in a size or a duration.
Records in which every look-up of the rules has the same outcome form a *group*: one of them stands for all, and a
handler that takes groups gets one instance with the number of records and the column of their numbers.

Instances of other handlers (a log entry, a span) are built for each record; only their rules' conditions are evaluated
once per group. Rules that apply to a sample choose for each record.

Where there are attribute generators, the records are grouped by what these look up first. Each group gets its
attributes once, those with equal ones are taken together again, and then grouped by what the other rules look up. A
namespace whose generators are not deterministic has no groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mizzen.mixer.expr import Expression
from mizzen.mixer.runtime.index import RuleSet
from mizzen.mixer.runtime.sampling import SampledMatch
from mizzen.mixer.runtime.vocabulary import output_prefix
from mizzen.mixer.templates import InstanceBuilder
from mizzen.wire import Plan

if TYPE_CHECKING:
    from mizzen.mixer.runtime.routing import NamespaceRoutes, Route, Step

_VALUE = "Value"
"""The leaf of a metric whose numbers may differ within a group."""


@dataclass(frozen=True)
class Grouping:
    """How the records of one namespace are grouped.

    `generators` is what attribute generators look up, None where there are none.
    `rules` hold for all records of a group or for none; `sampled` are asked for each record. `columns` has, by the
    identity of a step that takes groups, the place of its numbers among the plan's values, or None when all records of
    a group have the same value. A step that is not there wants every record.
    """

    plan: Plan
    rules: RuleSet[Route]
    sampled: RuleSet[Route]
    columns: Mapping[int, int | None]
    generators: Plan | None = None


def grouping_of(routes: NamespaceRoutes) -> Grouping | None:
    """None when every record must be looked at for itself."""
    if not all(map(_is_shared, routes.generate.rules)):
        return None
    rules = [route for route in routes.report.rules if not isinstance(route.match, SampledMatch)]
    sampled = [route for route in routes.report.rules if isinstance(route.match, SampledMatch)]
    looks = {look for route in rules if route.match is not None for look in route.match.reads}
    grouped = list(_grouped(rules))
    for step in grouped:
        number = _number(step.instance.builder)
        for leaf in step.instance.builder.leaves:
            if leaf.path != _VALUE or number is None:
                looks |= leaf.expression.reads
    numbers: dict[str, int] = {}
    columns: dict[int, int | None] = {}
    for step in grouped:
        number = _number(step.instance.builder)
        varies = number is not None and (number, None) not in looks
        columns[id(step)] = numbers.setdefault(number, len(numbers)) if number is not None and varies else None
    generators = Plan(sorted(_looks_of(routes.generate.rules), key=str), []) if len(routes.generate) else None
    plan = Plan(sorted(looks, key=str), list(numbers))
    return Grouping(plan, RuleSet(rules), RuleSet(sampled), columns, generators)


def _is_shared(route: Route) -> bool:
    """Whether what a rule generates is the same for all records in which its look-ups have the same outcome."""
    return not isinstance(route.match, SampledMatch) and all(step.handler.is_deterministic for step in route.steps)


def _generated(routes: Iterable[Route]) -> Iterator[str]:
    """The attributes that rules may generate."""
    for route in routes:
        for step in route.steps:
            yield from step.instance.bindings


def _looks_of(routes: Iterable[Route]) -> set[tuple[str, str | None]]:
    """What decides about generated attributes: what conditions, instances and bindings read, and which attributes a
    request has already."""
    routes = list(routes)
    looks: set[tuple[str, str | None]] = {(name, None) for name in _generated(routes)}
    for route in routes:
        looks |= route.match.reads if route.match is not None else frozenset()
        for step in route.steps:
            outputs = output_prefix(step.instance.template)
            read = (look for one in step.instance.bindings.values() for look in one.reads)
            looks.update(look for look in read if not look[0].startswith(outputs))
            for leaf in step.instance.builder.leaves:
                looks |= leaf.expression.reads
    return looks


def _grouped(routes: Iterable[Route]) -> Iterator[Step]:
    """The steps whose handlers take groups and whose values are known for a whole group."""
    for route in routes:
        for step in route.steps:
            if step.handler.takes_groups(step.instance.key):
                value = _value(step.instance.builder)
                if value is None or not value.reads or value.number is not None:
                    yield step


def _value(builder: InstanceBuilder) -> Expression | None:
    return next((leaf.expression for leaf in builder.leaves if leaf.path == _VALUE), None)


def _number(builder: InstanceBuilder) -> str | None:
    value = _value(builder)
    return value.number if value is not None else None
