"""Parses CEL by the grammar of the library `cel-python` and reads its tree into the nodes that are checked."""

from __future__ import annotations

import math
import re
from typing import NoReturn

from celpy.celparser import CELParseError, CELParser
from lark import Token, Tree

from mizzen.mixer.expr.cel.literals import BadLiteralError, read_integer, read_text
from mizzen.mixer.expr.cel.nodes import Call, Chain, Index, Items, Literal, Node
from mizzen.mixer.expr.errors import LimitError, LiteralError, ParseError, UnsupportedSyntaxError
from mizzen.mixer.expr.nodes import Span
from mizzen.mixer.expr.parser import MAX_DEPTH, MAX_LENGTH
from mizzen.mixer.expr.values import ValueType

Branch = Tree[Token]

LOGICAL = {"conditionalor": "||", "conditionaland": "&&"}
BINARY = {
    "relation_lt": "<",
    "relation_le": "<=",
    "relation_gt": ">",
    "relation_ge": ">=",
    "relation_eq": "==",
    "relation_ne": "!=",
    "relation_in": "in",
    "addition_add": "+",
    "addition_sub": "-",
    "multiplication_mul": "*",
    "multiplication_div": "/",
    "multiplication_mod": "%",
}
UNARY = {"unary_not": "!", "unary_neg": "-"}
UNSUPPORTED = {
    "member_object": "messages cannot be made",
    "UINT_LIT": "there are no unsigned numbers",
    "BYTES_LIT": "there are no byte strings",
    "NULL_LIT": "there is no null; has(name) tells whether an attribute is there",
}
BRACKETS = re.compile(r"""//[^\n]*|[rR]?("{3}|'{3})(?:\\.|.)*?\1|"(?:\\.|[^"])*"|'(?:\\.|[^'])*'|[(\[{]|[)\]}]""", re.S)


def parse(text: str) -> Node:
    """The syntax tree of one expression. Raises ParseError or a subclass, whatever the text."""
    check_size(text)
    try:
        tree = CELParser().parse(text)
    except CELParseError as error:
        raise syntax_error(text, error) from None
    return Reader(text).read(tree)


def check_size(text: str) -> None:
    """Bounds what the library is given: it has no limits of its own."""
    if len(text) > MAX_LENGTH:
        raise LimitError(f"longer than {MAX_LENGTH} characters", text[:80] + "…", 0)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = text.encode(errors="replace").decode()
        raise ParseError("text is not valid Unicode", shown, error.start, error.start + 1) from None
    depth = 0
    for found in BRACKETS.finditer(text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > MAX_DEPTH:
            raise LimitError(f"nested deeper than {MAX_DEPTH} levels", text, found.start(), found.end())


def syntax_error(text: str, error: CELParseError) -> ParseError:
    """What stands at the place that cannot be read. For an early end the library tells the place of the last token."""
    cause = error.__context__
    found = getattr(cause, "token", None)
    if not text.strip() or getattr(found, "type", "") == "$END":
        return ParseError("unexpected end of expression", text, len(text.rstrip()))
    start = getattr(cause, "pos_in_stream", 0) or 0
    shown = str(found) if found is not None else text[start : start + 1]
    if found is None and shown in "\"'":
        return LiteralError("text literal not terminated", text, start, len(text))
    return ParseError(f"unexpected '{shown}'", text, start, start + max(1, len(shown)))


class Reader:
    """Reads the library's tree. Chains of operators are read in a loop; recursion is bounded by MAX_DEPTH."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0

    def read(self, tree: Branch) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError(f"nested deeper than {MAX_DEPTH} levels", self.text, *span_of(tree))
        node = self.node(tree)
        self.depth -= 1
        return node

    def node(self, tree: Branch) -> Node:
        """The leftmost operand first, then what is applied to it, from the inside out."""
        pending: list[Branch] = []
        while True:
            kind = str(tree.data)
            if kind in UNSUPPORTED or kind == "literal":
                break
            if len(tree.children) == 1 and isinstance(tree.children[0], Tree) and kind not in ("list_lit", "map_lit"):
                if kind in BINARY:
                    break
                tree = tree.children[0]
            elif kind in LOGICAL or kind.startswith("member_") or self.is_binary(tree):
                pending.append(tree)
                first = branch(tree.children[0])
                tree = branch(first.children[0]) if self.is_binary(tree) else first
            else:
                break
        node = self.leaf(tree)
        for outer in reversed(pending):
            node = self.applied(outer, node)
        return node

    def is_binary(self, tree: Branch) -> bool:
        first = tree.children[0] if tree.children else None
        return isinstance(first, Tree) and str(first.data) in BINARY

    def applied(self, tree: Branch, first: Node) -> Node:
        """An operator, selection, call or index, whose first operand has been read."""
        kind, span = str(tree.data), span_of(tree)
        if kind in LOGICAL:
            return Call(LOGICAL[kind], (first, self.read(branch(tree.children[1]))), None, span)
        if self.is_binary(tree):
            sign = BINARY[str(branch(tree.children[0]).data)]
            return Call(sign, (first, self.read(branch(tree.children[1]))), None, span)
        if kind == "member_index":
            return Index(first, self.read(branch(tree.children[1])), span)
        name = str(tree.children[1])
        if kind == "member_dot_arg":
            return Call(name, self.args(tree, 2), first, span)
        if isinstance(first, Chain):
            return Chain((*first.names, name), span)
        raise UnsupportedSyntaxError(f"a field can be selected from a name only: .{name}", self.text, *span)

    def leaf(self, tree: Branch) -> Node:
        kind, span = str(tree.data), span_of(tree)
        if kind in UNSUPPORTED:
            self.unsupported(kind, span)
        if kind == "expr":
            return Call("?:", tuple(self.read(branch(child)) for child in tree.children), None, span)
        if kind == "unary":
            return Call(UNARY[str(branch(tree.children[0]).data)], (self.read(branch(tree.children[1])),), None, span)
        if kind in ("ident", "dot_ident"):
            return Chain((str(tree.children[0]),), span)
        if kind in ("ident_arg", "dot_ident_arg"):
            return Call(str(tree.children[0]), self.args(tree, 1), None, span)
        if kind == "list_lit":
            return Items(self.args(tree, 0), span)
        if kind == "map_lit":
            if tree.children:
                raise UnsupportedSyntaxError("a map literal can only be empty: {}", self.text, *span)
            return Literal({}, ValueType.STRING_MAP, span)
        return self.literal(tree.children[0], span)

    def args(self, tree: Branch, position: int) -> tuple[Node, ...]:
        if len(tree.children) <= position:
            return ()
        return tuple(self.read(branch(child)) for child in branch(tree.children[position]).children)

    def literal(self, token: Token | Branch, span: Span) -> Node:
        kind, written = str(getattr(token, "type", "")), str(token)
        if kind in UNSUPPORTED:
            self.unsupported(kind, span)
        if kind == "BOOL_LIT":
            return Literal(written == "true", ValueType.BOOL, span)
        try:
            if kind == "INT_LIT":
                return Literal(read_integer(written), ValueType.INT64, span)
            if kind == "FLOAT_LIT":
                if not math.isfinite(float(written)):
                    raise BadLiteralError("value out of range")
                return Literal(float(written), ValueType.DOUBLE, span)
            return Literal(read_text(written), ValueType.STRING, span)
        except BadLiteralError as error:
            raise LiteralError(str(error), self.text, *span) from None

    def unsupported(self, kind: str, span: Span) -> NoReturn:
        raise UnsupportedSyntaxError(UNSUPPORTED[kind], self.text, *span)


def branch(child: Token | Branch) -> Branch:
    assert isinstance(child, Tree)  # noqa: S101 (the grammar says so)
    return child


def span_of(tree: Branch) -> Span:
    return (0, 0) if tree.meta.empty else (tree.meta.start_pos, tree.meta.end_pos)
