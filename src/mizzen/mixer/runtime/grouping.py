"""Which instances of a namespace's Reports need to be built once per group of records only.

Most records of a Report agree in everything that conditions and dimensions read and differ in a size or a duration.
Records in which every look-up of the rules has the same outcome form a *group*: one of them stands for all, and a
handler that takes groups gets one instance with the number of records and the column of their numbers.

Instances of other handlers (a log entry, a span) are built for each record; only their rules' conditions are evaluated
once per group. A namespace with attribute generators has no groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mizzen.mixer.expr import Expression
from mizzen.mixer.templates import InstanceBuilder
from mizzen.wire import Plan

if TYPE_CHECKING:
    from mizzen.mixer.runtime.routing import NamespaceRoutes, Route, Step

_VALUE = "Value"
"""The leaf of a metric whose numbers may differ within a group."""

Look = tuple[str, str | None]


@dataclass(frozen=True)
class Grouping:
    """How the records of one namespace are grouped.

    `columns` has, by the identity of a step that takes groups, the place of its numbers among the plan's values, or
    None when all records of a group have the same value. A step that is not there wants every record.
    """

    plan: Plan
    columns: dict[int, int | None]


def grouping_of(routes: NamespaceRoutes) -> Grouping | None:
    """None when every record must be looked at for itself."""
    if len(routes.generate):
        return None
    looks = {look for route in routes.report.rules if route.match is not None for look in route.match.reads}
    grouped = list(_grouped(routes.report.rules))
    for step in grouped:
        number = _number(step.instance.builder)
        for leaf in step.instance.builder.leaves:
            if leaf.path != _VALUE or number is None:
                looks |= leaf.expression.reads
    numbers: list[str] = []
    columns: dict[int, int | None] = {}
    for step in grouped:
        number = _number(step.instance.builder)
        columns[id(step)] = None
        if number is not None and (number, None) not in looks:
            if number not in numbers:
                numbers.append(number)
            columns[id(step)] = numbers.index(number)
    return Grouping(Plan(sorted(looks, key=str), numbers), columns)


def _grouped(routes: tuple[Route, ...]) -> Iterator[Step]:
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
