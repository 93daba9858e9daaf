"""What the quota adapters have in common: which limit applies, and what their parameters must satisfy."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from mizzen.config.errors import NO_VALUE
from mizzen.mixer.adapters.texts import string_equals
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import InstanceTypes, Problem, Values

MOST_UNITS = 2**53
"""The largest amount of a limit: every store counts it exactly."""


class Override(Protocol):
    """A limit for some values of the dimensions."""

    @property
    def dimensions(self) -> Mapping[str, str]: ...


class Limits(Protocol):
    """The limits of one quota."""

    @property
    def name(self) -> str: ...

    @property
    def overrides(self) -> Sequence[Override]: ...


AnyOverride = TypeVar("AnyOverride", bound=Override)


def first_override(overrides: Sequence[AnyOverride], dimensions: Values) -> AnyOverride | None:
    """The first override all of whose dimensions have the given texts; a dimension the instance lacks equals ""."""
    for override in overrides:
        if all(string_equals(dimensions.get(name), text) for name, text in override.dimensions.items()):
            return override
    return None


def dimension_text(value: Value | None) -> str:
    """A text that tells values of a dimension apart, whatever their characters; null is not the empty text."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return f"{len(value)}:{value}"
    if isinstance(value, Mapping):
        return "{" + "".join(f"{dimension_text(key)}{dimension_text(value[key])}" for key in sorted(value)) + "}"
    return repr(value)


def cell_of(name: str, dimensions: Values) -> str:
    """The name of the cell that counts for these dimensions; their order does not matter."""
    return name + "".join(f";{key}={dimension_text(dimensions[key])}" for key in sorted(dimensions))


def problems_of_quotas(quotas: Sequence[Limits], instances: Mapping[str, InstanceTypes]) -> Iterator[Problem]:
    """Quotas given twice, routed instances without a quota, and overrides that can never apply."""
    names: set[str] = set()
    for index, quota in enumerate(quotas):
        if quota.name in names:
            yield Problem(("quotas", index, "name"), quota.name, "is given twice", "each quota once")
        names.add(quota.name)
        if quota.name in instances:
            known = instances[quota.name].maps.get("dimensions", {})
            yield from _problems_of_overrides(quota, known, index)
    for name in sorted(set(instances) - names):
        close = difflib.get_close_matches(name, names, 1)
        hint = f"; is the entry for {close[0]} meant for it?" if close else ""
        reason = f"did not find limit defined for quota {name}{hint}"
        yield Problem(("quotas",), NO_VALUE, reason, f"an entry with name {name}")


def _problems_of_overrides(quota: Limits, known: Mapping[str, object], index: int) -> Iterator[Problem]:
    for number, override in enumerate(quota.overrides):
        for dimension, text in override.dimensions.items():
            if dimension not in known and text:
                path = ("quotas", index, "overrides", number, "dimensions", dimension)
                reason = f"is of a dimension that {quota.name} does not have"
                yield Problem(path, text, reason, ", ".join(sorted(known)) or "no dimensions")
