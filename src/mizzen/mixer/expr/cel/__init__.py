"""Expressions in CEL, the second language of conditions and values.

Grammar and parsing are those of the library `cel-python`; names, types and evaluation are ours, because an answer has
to list exactly the attributes and keys that were looked at, and because every place of an expression has a static type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mizzen.mixer.expr.cel.builder import Builder
from mizzen.mixer.expr.cel.equalities import equalities_of
from mizzen.mixer.expr.cel.parser import parse
from mizzen.mixer.expr.equality import Equality
from mizzen.mixer.expr.sites import Site
from mizzen.mixer.expr.values import AttributeSource, Value, ValueType
from mizzen.mixer.expr.vocabulary import Vocabulary

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """`reads` are the attributes and keys that may be asked for; `evaluate` raises only EvaluationError.

    `equalities` are for an index over rules.
    """

    type: ValueType
    span: tuple[int, int]
    reads: frozenset[tuple[str, str | None]]
    evaluate: Callable[[AttributeSource], Value]
    equalities: tuple[Equality, ...]


def prepare(text: str, vocabulary: Vocabulary) -> Prepared:
    """Checks an expression and prepares its evaluation. Raises ParseError or TypeCheckError. About a millisecond."""
    builder = Builder(text, vocabulary)
    tree = parse(text)
    term = builder.build(tree)
    run, explain = term.run, Site(text, term.span).crashed()

    def evaluate(bag: AttributeSource) -> Value:
        try:
            value: Value = run(bag)
        except (TypeError, UnicodeError) as error:
            raise explain(error) from error
        return value

    equalities = tuple(equalities_of(builder, tree))
    return Prepared(term.type, term.span, frozenset(builder.reads), evaluate, equalities)
