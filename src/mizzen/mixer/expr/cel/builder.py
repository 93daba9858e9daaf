"""Types an expression in CEL against a vocabulary and prepares its evaluation, in one pass over the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from mizzen.mixer.expr.cel import terms
from mizzen.mixer.expr.cel.calls import applied_to, fitting, known_overloads
from mizzen.mixer.expr.cel.functions import EQUALITY, FUNCTIONS, SIGNS
from mizzen.mixer.expr.cel.macros import MACROS, expand, unrolled
from mizzen.mixer.expr.cel.nodes import Call, Chain, Index, Items, Literal, Node
from mizzen.mixer.expr.cel.terms import Run, Term
from mizzen.mixer.expr.errors import (
    LimitError,
    TypeCheckError,
    UnknownAttributeError,
    UnsupportedSyntaxError,
)
from mizzen.mixer.expr.nodes import Span
from mizzen.mixer.expr.sites import Site
from mizzen.mixer.expr.values import ValueType
from mizzen.mixer.expr.vocabulary import Vocabulary

MAX_NODES = 10_000
MAX_NESTING = 150
"""Bounds of what macros may expand an expression to."""

BOOL, MAP = ValueType.BOOL, ValueType.STRING_MAP
LOGICAL = {"||": True, "&&": False}
CONSTANTS = frozenset({ValueType.STRING, ValueType.INT64, ValueType.BOOL})


class Builder:
    """Builds the terms of one expression, and notes which attributes and keys they may ask for."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.reads: set[tuple[str, str | None]] = set()
        self.nodes = 0
        self.nesting = 0

    def build(self, node: Node) -> Term:
        """The typed term of a node. Raises TypeCheckError, UnsupportedSyntaxError or LimitError."""
        self.nodes += 1
        self.nesting += 1
        if self.nodes > MAX_NODES or self.nesting > MAX_NESTING:
            raise LimitError("too large once its macros are expanded", self.text, *node.span)
        term = self.term(node)
        self.nesting -= 1
        return term

    def term(self, node: Node) -> Term:
        if isinstance(node, Literal):
            return terms.constant(node.value, node.type, node.span)
        if isinstance(node, Chain):
            return self.name(node)
        if isinstance(node, Index):
            return self.index(node)
        if isinstance(node, Items):
            advice = "a list can only stand on the right of in, or before .exists(…) and .all(…)"
            raise UnsupportedSyntaxError(advice, self.text, *node.span)
        if node.name in LOGICAL:
            return self.logical(node)
        if node.name == "?:":
            return self.conditional(node)
        if node.name == "in":
            return self.membership(node)
        if node.name in SIGNS and len(node.args) == 2:
            return self.chain_of_operators(node)
        if node.name == "has" and node.target is None:
            return self.has(node)
        if node.name in MACROS and node.target is not None:
            return self.macro(node)
        return self.call(node)

    def site(self, node: Node) -> Site:
        return Site(self.text, node.span)

    def fail(self, message: str, span: Span) -> NoReturn:
        raise TypeCheckError(message, self.text, *span)

    # --- names -------------------------------------------------------------------------------------------------------

    def resolve(self, node: Chain) -> tuple[str, str | None]:
        """The attribute of that name, or the map and its key that the chain spells."""
        if node.text in self.vocabulary:
            return node.text, None
        name = ".".join(node.names[:-1])
        if self.vocabulary.get(name) is MAP:
            return name, node.names[-1]
        advice = self.vocabulary.advice(node.text)
        raise UnknownAttributeError(f"unknown attribute {node.text}{advice}", self.text, *node.span)

    def name(self, node: Chain) -> Term:
        name, key = self.resolve(node)
        kind = self.vocabulary[name]
        self.reads.add((name, key))
        term = terms.attribute(name, kind, self.site(node))
        if key is None or term.place is None:
            return term
        return Term(ValueType.STRING, terms.entry(term.place, lambda bag: key, self.site(node)), node.span)

    def index(self, node: Index) -> Term:
        target, key = self.map_of(node.target, node.key, node.span)
        place = target.place
        assert place is not None  # noqa: S101 (every map has one)
        return Term(ValueType.STRING, terms.entry(place, key.run, self.site(node)), node.span)

    def map_of(self, target: Node, key: Node, span: Span) -> tuple[Term, Term]:
        """A map and a key to look up in it; of an attribute with a literal key no more than that key is read."""
        before = set(self.reads)
        found = self.build(target)
        if found.type is not MAP:
            self.fail(f"{found.type} has no keys, only STRING_MAP has", span)
        wanted = self.build(key)
        if wanted.type is not ValueType.STRING:
            self.fail(f"a key of a STRING_MAP is a STRING, not {wanted.type}", wanted.span)
        if isinstance(target, Chain) and isinstance(wanted.constant, str):
            self.reads = before | {(target.text, wanted.constant)}
        return found, wanted

    def has(self, node: Call) -> Term:
        if len(node.args) != 1 or not isinstance(node.args[0], Chain):
            advice = "has() takes the name of an attribute, or map.key; a key that is no name is asked for by in"
            raise UnsupportedSyntaxError(advice, self.text, *node.span)
        name, key = self.resolve(node.args[0])
        self.reads.add((name, key))
        if key is not None:
            return Term(BOOL, terms.has_key(name, key, self.site(node)), node.span)
        return Term(BOOL, terms.has_attribute(name, self.vocabulary[name]), node.span)

    # --- operators ---------------------------------------------------------------------------------------------------

    def logical(self, node: Call) -> Term:
        operands = [self.build(operand) for operand in spine(node)]
        for operand in operands:
            if operand.type is not BOOL:
                self.fail(f"'{node.name}' is not defined for {operand.type}, only for BOOL", operand.span)
        return Term(BOOL, terms.logical([one.run for one in operands], LOGICAL[node.name]), node.span)

    def conditional(self, node: Call) -> Term:
        condition, yes, no = (self.build(arg) for arg in node.args)
        if condition.type is not BOOL:
            self.fail(f"the condition of '?:' is a BOOL, not {condition.type}", condition.span)
        if yes.type is not no.type:
            self.fail(f"both results of '?:' have one type, not {yes.type} and {no.type}", no.span)
        place = terms.chosen(condition.run, yes.place, no.place) if yes.type is MAP else None
        return Term(yes.type, terms.chosen(condition.run, yes.run, no.run), node.span, place=place)

    def membership(self, node: Call) -> Term:
        subject, container = node.args
        if not isinstance(container, Items):
            target, key = self.map_of(container, subject, node.span)
            place = target.place
            assert place is not None  # noqa: S101 (every map has one)
            return Term(BOOL, terms.holds_key(place, key.run, self.site(node)), node.span)
        term = self.build(subject)
        items = [self.build(item) for item in container.items]
        if term.type not in EQUALITY:
            self.fail(f"'in' is not defined for {term.type}", term.span)
        for item in items:
            if item.type is not term.type:
                self.fail(f"the list has to hold {term.type}, not {item.type}", item.span)
        constants = frozenset(item.constant for item in items if item.constant is not None)
        if term.type in CONSTANTS and all(item.constant is not None for item in items):
            return Term(BOOL, terms.one_of_constants(term.run, constants), node.span)
        run = terms.one_of(term.run, [item.run for item in items], EQUALITY[term.type], self.site(node))
        return Term(BOOL, run, node.span)

    def chain_of_operators(self, node: Call) -> Term:
        """`a + b - c …`: typed from the left, and evaluated in a loop however long it is."""
        calls: list[Call] = []
        first: Node = node
        while isinstance(first, Call) and first.name in SIGNS - {"in"} and len(first.args) == 2:
            calls.append(first)
            first = first.args[0]
        start = self.build(first)
        kind = start.type
        operations: list[tuple[Callable[..., Any], Run, Site]] = []
        for call in reversed(calls):
            right = self.build(call.args[1])
            overload = fitting(self.text, call, FUNCTIONS[call.name], (kind, right.type))
            operations.append((overload.function, right.run, self.site(call)))
            kind = overload.result
        return Term(kind, terms.folded(operations, start.run), node.span)

    # --- functions ---------------------------------------------------------------------------------------------------

    def macro(self, node: Call) -> Term:
        if not isinstance(node.target, Items):
            raise UnsupportedSyntaxError(f"{node.name}() is there for list literals only", self.text, *node.span)
        items = [item for item in map(self.build, node.target.items) if item.constant is None]
        predicates = [self.build(one) for one in expand(self.text, node, node.target)]
        for predicate in predicates:
            if predicate.type is not BOOL:
                self.fail(f"the condition of {node.name}() is a BOOL, not {predicate.type}", node.args[1].span)
        outcome = terms.logical([one.run for one in predicates], unrolled(node.name))
        return Term(BOOL, terms.after([item.place or item.run for item in items], outcome), node.span)

    def call(self, node: Call) -> Term:
        overloads = known_overloads(self.text, node)
        targets = () if node.target is None else (node.target,)
        return applied_to(self.text, node, overloads, [self.build(arg) for arg in (*targets, *node.args)])


def spine(node: Call) -> list[Node]:
    """The operands of a chain of one logical operator."""
    operands: list[Node] = []
    current: Node = node
    while isinstance(current, Call) and current.name == node.name:
        operands.append(current.args[1])
        current = current.args[0]
    operands.append(current)
    operands.reverse()
    return operands
