"""The comparisons of a condition in CEL by which its rule may be found among many."""

from __future__ import annotations

from collections.abc import Iterator

from mizzen.mixer.expr.cel.builder import Builder, spine
from mizzen.mixer.expr.cel.nodes import Call, Chain, Index, Literal, Node
from mizzen.mixer.expr.equality import INDEXABLE, Equality
from mizzen.mixer.expr.sites import Site

_ABSENT = ""
"""What an absent attribute or key is filed under: no failure, because another operand of `&&` may decide."""


def equalities_of(builder: Builder, root: Node) -> Iterator[Equality]:
    """Those of the operands of a top-level `&&` that compare an attribute or an entry with a literal.

    Where one of them does not hold, or fails, the whole does not hold: the others can only make it false as well.
    """
    conjuncts = spine(root) if isinstance(root, Call) and root.name == "&&" else [root]
    for position, node in enumerate(conjuncts):
        if not isinstance(node, Call) or node.name != "==":
            continue
        subject, literal = node.args
        if isinstance(subject, Literal):
            subject, literal = literal, subject
        if not isinstance(literal, Literal) or literal.type not in INDEXABLE:
            continue
        place = _place(builder, subject)
        if place is not None:
            name, key = place
            yield Equality(name, key, _ABSENT, literal.value, position, literal.type, Site(builder.text, subject.span))


def _place(builder: Builder, subject: Node) -> tuple[str, str | None] | None:
    if isinstance(subject, Chain):
        return builder.resolve(subject)
    if isinstance(subject, Index) and isinstance(subject.target, Chain) and isinstance(subject.key, Literal):
        name, key = builder.resolve(subject.target)
        return (name, str(subject.key.value)) if key is None else None
    return None
