"""Prepared expressions: compiled once, evaluated on many bags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .checker import Checker, Typed, TypedAttribute, TypedCall, TypedConstant
from .compiler import compile_typed
from .errors import TypeCheckError
from .lookups import operands
from .nodes import canonical
from .parser import parse
from .sites import Site
from .values import AttributeSource, Value, ValueType
from .vocabulary import Vocabulary

INDEXABLE = frozenset({ValueType.STRING, ValueType.INT64, ValueType.BOOL})


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

    @property
    def slot(self) -> tuple[str, str | None, Value | None, ValueType]:
        return self.attribute, self.key, self.default, self.type

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


class Expression:
    """One prepared expression.

    `text` as written; `type` of its value; `attributes` that it names; `equalities` for an index over rules. It
    holds no state of an evaluation: any number of threads may use it. `evaluate(bag)` gives the value and raises only
    EvaluationError.
    """

    __slots__ = ("attributes", "equalities", "evaluate", "text", "type")

    evaluate: Callable[[AttributeSource], Value]

    def __init__(self, text: str, typed: Typed) -> None:
        self.text = text
        self.type = typed.type
        self.attributes = attributes_of(typed)
        self.equalities = equalities_of(text, typed)
        self.evaluate = compile_typed(text, typed)

    def __repr__(self) -> str:
        return f"Expression({self.text!r}, {self.type})"


@lru_cache(8192)
def compile_expression(text: str, vocabulary: Vocabulary, expected: ValueType | None = None) -> Expression:
    """Prepares an expression for evaluation; the same text and vocabulary give the same object.

    `expected` is the type that the place of the expression demands. Raises ParseError or TypeCheckError (both
    ExpressionError), which name the column. Costs about a millisecond.
    """
    node = parse(text)
    typed = Checker(text, vocabulary).check(node)
    if expected is not None and typed.type is not expected:
        message = f"expression {canonical(node)} evaluated to type {typed.type}, expected type {expected}"
        raise TypeCheckError(message, text, *typed.span)
    return Expression(text, typed)


def attributes_of(root: Typed) -> frozenset[str]:
    names: set[str] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, TypedAttribute):
            names.add(node.name)
        elif isinstance(node, TypedCall):
            waiting.extend(node.args)
    return frozenset(names)


def equalities_of(text: str, root: Typed) -> tuple[Equality, ...]:
    conjuncts = operands(root) if isinstance(root, TypedCall) and root.function.name == "LAND" else [root]
    found = (equality(text, conjunct, position) for position, conjunct in enumerate(conjuncts))
    return tuple(one for one in found if one is not None)


def equality(text: str, node: Typed, position: int) -> Equality | None:
    if not isinstance(node, TypedCall) or node.function.name != "EQ" or node.args[0].type not in INDEXABLE:
        return None
    subject, literal = node.args
    if isinstance(subject, TypedConstant):
        subject, literal = literal, subject
    if not isinstance(literal, TypedConstant):
        return None
    default: Value | None = None
    if isinstance(subject, TypedCall) and subject.function.name == "OR" and isinstance(subject.args[1], TypedConstant):
        default = subject.args[1].value
        subject = subject.args[0]
    key: str | None = None
    if (
        isinstance(subject, TypedCall)
        and subject.function.name == "INDEX"
        and isinstance(subject.args[1], TypedConstant)
    ):
        key = str(subject.args[1].value)
        subject = subject.args[0]
    if not isinstance(subject, TypedAttribute):
        return None
    kind = ValueType.STRING if key is not None else subject.type
    return Equality(subject.name, key, default, literal.value, position, kind, Site(text, subject.span))
