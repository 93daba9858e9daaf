"""Comparisons with a literal, by which rules may be found without evaluating all of their conditions."""

from __future__ import annotations

from dataclasses import dataclass, field

from .sites import Site
from .values import AttributeSource, Value, ValueType

INDEXABLE = frozenset({ValueType.STRING, ValueType.INT64, ValueType.BOOL})
"""Types whose equality is that of their Python values."""


@dataclass(frozen=True, slots=True)
class Equality:
    """A top-level `&&` operand of the form `attribute == literal`, by which rules may be found without evaluating all.

    The attribute may be a map's `key`, and may carry a `default` (`attribute | "x" == literal`). `position` is the
    number of the operand from 0: what stands before it would have been asked first. Rules whose equalities have the
    same `slot` can share one look-up.
    """

    attribute: str
    key: str | None
    default: Value | None
    literal: Value
    position: int
    type: ValueType
    site: Site
    slot: tuple[str, str | None, Value | None, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "slot", (self.attribute, self.key, self.default, self.type.name))

    def lookup(self, bag: AttributeSource) -> Value:
        """The value that the expression would compare with the literal; leaves the same references.

        Raises EvaluationError as the expression would: for an absent attribute without default, or one of another kind.
        """
        if self.key is None:
            value = bag.get(self.attribute)
            if value is None and self.default is not None:
                return self.default
            return self.site.present(self.attribute, self.type)(value)
        try:
            entry = bag.get_key(self.attribute, self.key)
        except TypeError as error:
            raise self.site.crashed()(error) from error
        if entry is None and self.default is not None:
            return self.default
        return self.site.missing_key(self.attribute)(bag, entry)
