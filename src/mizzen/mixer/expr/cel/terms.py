"""Prepared parts of a CEL expression: closures that ask a bag exactly what the language prescribes, in its order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mizzen.mixer.expr.errors import ConversionError, EvaluationError, NoSuchKeyError
from mizzen.mixer.expr.nodes import Span
from mizzen.mixer.expr.operations import ConversionFailure
from mizzen.mixer.expr.sites import PYTHON_TYPES, Site
from mizzen.mixer.expr.values import AttributeSource, Value, ValueType

Run: TypeAlias = Callable[[AttributeSource], Any]
Place: TypeAlias = Callable[[AttributeSource], str | None]
"""The name of the attribute that is the map; None for the empty map of a literal."""


_ALWAYS_CHECKED = frozenset({ValueType.IP_ADDRESS, ValueType.STRING_MAP})
"""Types whose values the class alone does not tell."""


@dataclass(frozen=True, slots=True)
class Term:
    """A typed part. `constant` is its value where that is known, `place` is set for maps."""

    type: ValueType
    run: Run
    span: Span
    constant: Value | None = None
    place: Place | None = None


def constant(value: Value, kind: ValueType, span: Span) -> Term:
    place: Place | None = (lambda bag: None) if kind is ValueType.STRING_MAP else None
    return Term(kind, lambda bag: value, span, value, place)


def attribute(name: str, kind: ValueType, site: Site) -> Term:
    check = site.present(name, kind)
    absent = site.absent(name)
    usual = None if kind in _ALWAYS_CHECKED else PYTHON_TYPES[kind]

    def run(bag: AttributeSource) -> Value:
        value = bag.get(name)
        if value is not None and value.__class__ is usual:
            return value
        return check(value)

    def place(bag: AttributeSource) -> str:
        if not bag.has(name):
            absent()
        return name

    return Term(kind, run, site.span, place=place if kind is ValueType.STRING_MAP else None)


def entry(place: Place, key: Run, site: Site) -> Run:
    """The value under a key; a map without it fails, as an absent map does."""

    def run(bag: AttributeSource) -> str:
        name, wanted = place(bag), key(bag)
        value = None if name is None else ask(bag, name, wanted, site)
        if value is None:
            raise NoSuchKeyError(wanted, site.text, *site.span)
        return value

    return run


def holds_key(place: Place, key: Run, site: Site) -> Run:
    """`key in map`, for a map that has to be there."""

    def run(bag: AttributeSource) -> bool:
        wanted = key(bag)
        name = place(bag)
        return name is not None and ask(bag, name, wanted, site) is not None

    return run


def has_attribute(name: str, kind: ValueType) -> Run:
    """`has(name)`. A map is asked for as a whole: `AttributeSource.has` leaves no trace of one that is there."""
    if kind is ValueType.STRING_MAP:
        return lambda bag: bag.get(name) is not None
    return lambda bag: bag.has(name)


def has_key(name: str, key: str, site: Site) -> Run:
    """`has(map.key)`; an absent map has no keys."""
    return lambda bag: ask(bag, name, key, site) is not None


def ask(bag: AttributeSource, name: str, key: str, site: Site) -> str | None:
    try:
        value = bag.get_key(name, key)
    except TypeError as error:
        raise site.crashed()(error) from error
    if value is not None and not isinstance(value, str):
        site.wrong_kind(name, value, ValueType.STRING)
    return value


def chosen(condition: Run, yes: Any, no: Any) -> Run:
    """`condition ? yes : no`; only the branch that is taken is computed."""
    return lambda bag: yes(bag) if condition(bag) else no(bag)


def logical(operands: Sequence[Run], decisive: bool) -> Run:
    """`||` where true decides, `&&` where false does: an operand that decides outweighs others that fail."""

    def run(bag: AttributeSource) -> bool:
        failure: EvaluationError | None = None
        for operand in operands:
            try:
                outcome: bool = operand(bag)
                if outcome is decisive:
                    return decisive
            except EvaluationError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return not decisive

    return run


def after(items: Sequence[Run], run: Run) -> Run:
    """`run`, once all items of its list have been computed: one that fails makes the whole fail."""
    if not items:
        return run

    def run_after(bag: AttributeSource) -> Any:
        for item in items:
            item(bag)
        return run(bag)

    return run_after


def one_of(subject: Run, items: Sequence[Run], equal: Callable[[Any, Any], bool], site: Site) -> Run:
    """`subject in [items]`; all items are computed."""

    def run(bag: AttributeSource) -> bool:
        value = subject(bag)
        computed = [item(bag) for item in items]
        try:
            return any(equal(value, item) for item in computed)
        except ConversionFailure as failure:
            raise ConversionError(str(failure), site.text, *site.span) from None

    return run


def one_of_constants(subject: Run, items: frozenset[Value]) -> Run:
    """`subject in [items]` where all items are literals."""
    return lambda bag: subject(bag) in items


def applied(function: Callable[..., Any], args: Sequence[Run], site: Site) -> Run:
    """A function of its arguments' values, with its failures placed here."""
    if len(args) == 2:
        return folded([(function, args[1], site)], args[0])

    def run(bag: AttributeSource) -> Any:
        values = [arg(bag) for arg in args]
        try:
            return function(*values)
        except ConversionFailure as failure:
            raise ConversionError(str(failure), site.text, *site.span) from None

    return run


def folded(operations: Sequence[tuple[Callable[..., Any], Run, Site]], first: Run) -> Run:
    """A chain of binary operators from the left, however long, without recursion."""

    def run(bag: AttributeSource) -> Any:
        value = first(bag)
        for function, right, site in operations:
            other = right(bag)
            try:
                value = function(value, other)
            except ConversionFailure as failure:
                raise ConversionError(str(failure), site.text, *site.span) from None
        return value

    return run
