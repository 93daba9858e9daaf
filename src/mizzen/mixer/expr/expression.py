"""Prepared expressions: compiled once, evaluated on many bags."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakValueDictionary

from .checker import Checker, Typed, TypedAttribute, TypedCall, TypedConstant
from .compiler import compile_typed
from .equality import INDEXABLE, Equality
from .errors import LanguageError, TypeCheckError
from .lookups import operands
from .nodes import Span, canonical
from .parser import parse
from .sites import Site
from .values import AttributeSource, Value, ValueType
from .vocabulary import Language, Vocabulary

NUMBERS = frozenset({ValueType.INT64, ValueType.DOUBLE, ValueType.DURATION})


class Expression:
    """One prepared expression.

    `text` as written; `type` of its value; `attributes` that it may look up; `equalities` for an index over rules.
    `reads` are the attributes and keys of maps it may look up: bags that answer all of them alike give one value.
    `number` is the attribute that alone is the value wherever it is present, of an expression `attribute` or
    `attribute | literal` that is a number or a duration; else None.

    It holds no state of an evaluation: any number of threads may use it. `evaluate(bag)` gives the value and raises
    only EvaluationError.
    """

    __slots__ = ("__weakref__", "attributes", "equalities", "evaluate", "number", "reads", "text", "type")

    evaluate: Callable[[AttributeSource], Value]

    def __init__(
        self,
        text: str,
        type: ValueType,  # noqa: A002 (the attribute's name)
        reads: frozenset[tuple[str, str | None]],
        evaluate: Callable[[AttributeSource], Value],
        equalities: tuple[Equality, ...] = (),
        number: str | None = None,
    ) -> None:
        self.text = text
        self.type = type
        self.reads = reads
        self.attributes = frozenset(name for name, _ in reads)
        self.evaluate = evaluate
        self.equalities = equalities
        self.number = number

    def __repr__(self) -> str:
        return f"Expression({self.text!r}, {self.type})"


_PREPARED: WeakValueDictionary[tuple[str, Vocabulary, ValueType | None], Expression] = WeakValueDictionary()
"""Expressions as long as anybody uses them: a snapshot finds those of the one before it, however many there are."""


def compile_expression(text: str, vocabulary: Vocabulary, expected: ValueType | None = None) -> Expression:
    """Prepares an expression for evaluation; the same text and vocabulary give the same object while it is in use.

    `expected` is the type that the place of the expression demands. Raises ParseError or TypeCheckError (both
    ExpressionError), which name the column. Costs about a millisecond, and a few microseconds for one in use.
    """
    place = (text, vocabulary, expected)
    found = _PREPARED.get(place)
    if found is None:
        found = _PREPARED[place] = _compile(text, vocabulary, expected)
    return found


def _compile(text: str, vocabulary: Vocabulary, expected: ValueType | None) -> Expression:
    if vocabulary.language is Language.CEL:
        return _compile_cel(text, vocabulary, expected)
    node = parse(text)
    typed = Checker(text, vocabulary).check(node)
    _expect(expected, typed.type, lambda: canonical(node), text, typed.span)
    evaluate = compile_typed(text, typed)
    return Expression(text, typed.type, reads_of(typed), evaluate, equalities_of(text, typed), number_of(typed))


def _compile_cel(text: str, vocabulary: Vocabulary, expected: ValueType | None) -> Expression:
    try:
        from .cel import prepare  # its parser is an extra
    except ImportError:
        raise LanguageError("CEL needs the package cel-python: pip install 'mizzen[cel]'", text, 0) from None
    prepared = prepare(text, vocabulary)
    _expect(expected, prepared.type, lambda: text, text, prepared.span)
    return Expression(text, prepared.type, prepared.reads, prepared.evaluate, prepared.equalities)


def _expect(expected: ValueType | None, found: ValueType, shown: Callable[[], str], text: str, span: Span) -> None:
    """Refuses another type than expected; `shown` is the expression as the error has it."""
    if expected is not None and found is not expected:
        message = f"expression {shown()} evaluated to type {found}, expected type {expected}"
        raise TypeCheckError(message, text, *span)


def reads_of(root: Typed) -> frozenset[tuple[str, str | None]]:
    """Each attribute that is looked up, with the key where only one key of a map is."""
    reads: set[tuple[str, str | None]] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, TypedAttribute):
            reads.add((node.name, None))
        elif isinstance(node, TypedCall):
            first = node.args[0] if node.args else None
            key = node.args[1] if len(node.args) > 1 else None
            if node.function.name == "INDEX" and isinstance(first, TypedAttribute) and isinstance(key, TypedConstant):
                reads.add((first.name, str(key.value)))
            else:
                waiting.extend(node.args)
    return frozenset(reads)


def number_of(root: Typed) -> str | None:
    if root.type not in NUMBERS:
        return None
    if isinstance(root, TypedCall) and root.function.name == "OR" and isinstance(root.args[1], TypedConstant):
        root = root.args[0]
    return root.name if isinstance(root, TypedAttribute) else None


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
