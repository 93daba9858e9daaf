"""Which rules apply to a bag, at a cost that hardly grows with their number.

Most rules of a large configuration begin with a comparison such as `destination.service.host == "cart"`. A rule whose
condition has such a conjunct at its top level can only hold when the attribute has that value, so rules are filed under
their literals: one look-up per attribute finds the candidates, and only their conditions are evaluated. The rest is
scanned. The look-ups go through the bag like any other, so they are among the referenced attributes; the result is the
same as that of a scan, because a candidate's whole condition is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, Protocol, TypeVar

from mizzen.mixer.expr import AttributeSource, Equality, EvaluationError, Expression, Value

_FEWEST = 2
"""Rules that must share an attribute before it is worth an index."""


class Conditional(Protocol):
    """Something with an optional condition."""

    @property
    def key(self) -> str: ...
    @property
    def match(self) -> Expression | None: ...


Rule = TypeVar("Rule", bound=Conditional)
Slot = tuple[str, str | None, Value | None, str]
OnFailure = Callable[[str, Exception, int], None]
"""Told the key of a rule whose condition could not be evaluated, why, and for how many rules that is so."""


@dataclass(frozen=True)
class _LiteralIndex:
    """The positions of rules by the literal they compare; all compare what `equality` looks up."""

    equality: Equality
    size: int
    positions: dict[Value, tuple[int, ...]]


class RuleSet(Generic[Rule]):
    """An ordered set of rules, prepared for matching. Immutable."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: tuple[Rule, ...] = tuple(rules)
        self._indexes, self._scanned = _file(self.rules)
        conditions = [id(rule.match) for rule in self.rules if rule.match is not None]
        self._repeats = len(set(conditions)) < len(conditions)

    def __len__(self) -> int:
        return len(self.rules)

    def matching(self, bag: AttributeSource, on_failure: OnFailure) -> list[Rule]:
        """The rules whose condition holds, in order. A condition that cannot be evaluated does not hold.

        Rules with the same text share one condition, which is evaluated once.
        """
        positions: Sequence[int] = self._scanned
        if self._indexes:
            found = list(positions)
            for index in self._indexes:
                try:
                    found += index.positions.get(index.equality.lookup(bag), ())
                except EvaluationError as error:
                    on_failure(f"of all that compare {index.equality.attribute}", error, index.size)
            positions = sorted(found)
        matched: list[Rule] = []
        known: dict[int, bool] = {}
        for position in positions:
            rule = self.rules[position]
            condition = rule.match
            if condition is None:
                matched.append(rule)
                continue
            holds = known.get(id(condition)) if self._repeats else None
            if holds is None:
                try:
                    holds = condition.evaluate(bag) is True
                except EvaluationError as error:
                    on_failure(rule.key, error, 1)
                    continue
                if self._repeats:
                    known[id(condition)] = holds
            if holds:
                matched.append(rule)
        return matched


def _file(rules: Sequence[Conditional]) -> tuple[tuple[_LiteralIndex, ...], tuple[int, ...]]:
    """Each rule under the comparison that tells most rules apart; the positions of those that have none."""
    equalities = [rule.match.equalities if rule.match is not None else () for rule in rules]
    literals: dict[Slot, set[Value]] = {}
    for own in equalities:
        for one in own:
            known = literals.get(one.slot)
            if known is None:
                literals[one.slot] = {one.literal}
            else:
                known.add(one.literal)
    chosen = [own[0] if len(own) == 1 else _most_telling(own, literals) for own in equalities]
    tables: dict[Slot, tuple[Equality, dict[Value, list[int]]]] = {}
    scanned: list[int] = []
    for position, equality in enumerate(chosen):
        if equality is None:
            scanned.append(position)
        else:
            table = tables.get(equality.slot)
            if table is None:
                table = tables[equality.slot] = (equality, {})
            table[1].setdefault(equality.literal, []).append(position)
    indexes = []
    for equality, by_literal in tables.values():
        size = sum(map(len, by_literal.values()))
        if size < _FEWEST:
            scanned += chain.from_iterable(by_literal.values())
        else:
            positions = {literal: tuple(found) for literal, found in by_literal.items()}
            indexes.append(_LiteralIndex(equality, size, positions))
    return tuple(indexes), tuple(sorted(scanned))


def _most_telling(own: Sequence[Equality], literals: Mapping[Slot, Collection[Value]]) -> Equality | None:
    return max(own, key=lambda one: (len(literals[one.slot]), -one.position), default=None)
