"""Parses an expression with Go's precedence into the syntax tree, or says what is wrong at which column."""

from __future__ import annotations

import math
from typing import NoReturn

from mizzen.config.duration import nanoseconds_of
from mizzen.wire import Duration

from .errors import LimitError, LiteralError, ParseError, UnsupportedSyntaxError
from .lexer import Kind, Token, tokenize
from .literals import MAX_INT64
from .nodes import OPERATOR_NAMES, PRECEDENCE, Attribute, Call, Constant, Node
from .values import ValueType

MAX_LENGTH = 32_768
"""Longest accepted text in characters."""

MAX_DEPTH = 64
"""Deepest accepted nesting of parentheses, calls, indices and unary operators. Chains of operators do not nest."""

UNARY = {"-": "SUB", "+": "ADD", "!": "NOT", "^": "XOR", "&": "AND", "<-": "ARROW"}
BOOLEANS = {"true": True, "false": False}


def parse(text: str) -> Node:
    """The syntax tree of one expression. Raises ParseError or a subclass, whatever the text."""
    if len(text) > MAX_LENGTH:
        raise LimitError(f"longer than {MAX_LENGTH} characters", text[:80] + "…", 0)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = text.encode(errors="replace").decode()
        raise ParseError("text is not valid Unicode", shown, error.start, error.start + 1) from None
    return Parser(text).parse()


class Parser:
    """Recursive descent over the token list; recursion is bounded by MAX_DEPTH."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    def parse(self) -> Node:
        if len(self.tokens) == 1:
            raise ParseError("expected an expression, found end of expression", self.text, 0)
        node = self.binary(1)
        if self.current.kind is not Kind.END:
            self.expected("an operator or the end of the expression")
        return node

    @property
    def current(self) -> Token:
        return self.tokens[self.index]

    def advance(self) -> Token:
        token = self.current
        self.index += 1
        return token

    def at(self, *symbols: str) -> bool:
        return self.current.kind is Kind.OPERATOR and self.current.text in symbols

    def expect(self, symbol: str, where: str) -> Token:
        if not self.at(symbol):
            self.expected(f"'{symbol}' {where}")
        return self.advance()

    def expected(self, wanted: str) -> NoReturn:
        token = self.current
        hint = ""
        if token.kind is Kind.LINE_END:
            hint = "; a line that goes on must end in an operator, a comma or an opening bracket"
        raise ParseError(f"expected {wanted}, found {token.describe()}{hint}", self.text, token.start, token.end)

    def unsupported(self, what: str, start: int, advice: str) -> NoReturn:
        end = self.tokens[self.index - 1].end if self.index else start
        raise UnsupportedSyntaxError(f"unexpected expression: {what}; {advice}", self.text, start, max(start, end))

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            token = self.current
            raise LimitError(f"nested deeper than {MAX_DEPTH} levels", self.text, token.start, token.end)

    def binary(self, minimum: int) -> Node:
        left = self.unary()
        while self.current.kind is Kind.OPERATOR:
            symbol = self.current.text
            precedence = PRECEDENCE.get(symbol, 0)
            if precedence < minimum:
                break
            self.advance()
            right = self.binary(precedence + 1)
            left = Call(
                OPERATOR_NAMES[symbol], (left, right), None, (left.span[0], self.tokens[self.index - 1].end), symbol
            )
        return left

    def unary(self) -> Node:
        token = self.current
        if self.at("*"):
            self.unsupported("*", token.start, "pointers are not part of the language")
        if token.kind is not Kind.OPERATOR or token.text not in UNARY:
            return self.primary()
        self.enter()
        self.advance()
        operand = self.unary()
        self.depth -= 1
        return Call(UNARY[token.text], (operand,), None, (token.start, self.tokens[self.index - 1].end), token.text)

    def primary(self) -> Node:
        depth = self.depth
        start = self.current.start
        if self.current.kind is Kind.IDENTIFIER:
            node, indexed = self.name(start), False
        else:
            node, indexed = self.operand(), False
        while True:
            if self.at("."):
                self.enter()
                node, indexed = self.method(node, start, indexed), False
            elif self.at("["):
                self.enter()
                node, indexed = self.subscript(node, start), True
            elif self.at("("):
                self.unsupported(
                    f"{self.text[start : self.current.start]}(…)", start, "only a function's name can be called"
                )
            else:
                self.depth = depth
                return node

    def operand(self) -> Node:
        token = self.current
        span = (token.start, token.end)
        if token.kind is Kind.INTEGER:
            self.advance()
            return Constant(self.integer(token), ValueType.INT64, span)
        if token.kind is Kind.FLOAT:
            self.advance()
            return Constant(self.float(token), ValueType.DOUBLE, span)
        if token.kind is Kind.STRING:
            self.advance()
            nanoseconds = nanoseconds_of(token.text)
            if nanoseconds is not None:
                return Constant(Duration(nanoseconds), ValueType.DURATION, span, token.text)
            return Constant(token.text, ValueType.STRING, span)
        if not self.at("("):
            self.expected("an operand")
        self.enter()
        self.advance()
        node = self.binary(1)
        self.expect(")", "to close the parenthesis")
        self.depth -= 1
        return node

    def integer(self, token: Token) -> int:
        digits = token.text.lstrip("0") or "0"
        if len(digits) > 19 or int(digits) > MAX_INT64:
            message = f"number {token.text}: value out of range (largest is {MAX_INT64})"
            raise LiteralError(message, self.text, token.start, token.end)
        return int(digits)

    def float(self, token: Token) -> float:
        value = float(token.text)
        if not math.isfinite(value):
            raise LiteralError(f"number {token.text}: value out of range", self.text, token.start, token.end)
        return value

    def name(self, start: int) -> Node:
        """A constant, an attribute, a function call, or a method call on an attribute."""
        names = [self.advance().text]
        if self.at("(") and names[0].lower() not in BOOLEANS:
            return self.call(names[0], None, start)
        while self.at("."):
            before = self.tokens[self.index - 1].end
            self.advance()
            names.append(self.selector())
            if self.at("("):
                return self.call(names[-1], self.attribute(names[:-1], (start, before)), start)
        return self.attribute(names, (start, self.tokens[self.index - 1].end))

    def attribute(self, names: list[str], span: tuple[int, int]) -> Node:
        if len(names) == 1 and names[0].lower() in BOOLEANS:
            return Constant(BOOLEANS[names[0].lower()], ValueType.BOOL, span)
        return Attribute(".".join(names), span)

    def selector(self) -> str:
        if self.current.kind is not Kind.IDENTIFIER:
            self.expected("a name after '.'")
        return self.advance().text

    def method(self, target: Node, start: int, indexed: bool) -> Node:
        self.advance()
        name = self.selector()
        text = self.text[start : self.current.start]
        if not self.at("("):
            self.unsupported(text, start, "a field can be selected from an attribute's name only")
        if indexed:
            self.unsupported(text, start, f"write the indexed map in parentheses: (map[key]).{name}(…)")
        return self.call(name, target, start)

    def call(self, name: str, target: Node | None, start: int) -> Call:
        self.enter()
        self.advance()
        args: list[Node] = []
        while not self.at(")"):
            args.append(self.binary(1))
            if not self.at(","):
                break
            self.advance()
        end = self.expect(")", "or ',' in the argument list").end
        self.depth -= 1
        return Call(name, tuple(args), target, (start, end))

    def subscript(self, target: Node, start: int) -> Call:
        self.advance()
        key = self.binary(1)
        if self.at(":"):
            self.unsupported(self.text[start : self.current.end], start, "slices are not part of the language")
        end = self.expect("]", "to close the index").end
        return Call("INDEX", (target, key), None, (start, end), "[]")
