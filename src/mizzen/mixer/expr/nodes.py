"""The syntax tree: constants, attributes and calls. Operators are calls with upper-case names, as in error texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from mizzen.wire import Duration

from .literals import quote
from .values import Value, ValueType

Span: TypeAlias = tuple[int, int]
"""Offsets of the first character and of the one after the last, in the expression's text."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; `written` is the text of a duration as the user put it."""

    value: Value
    type: ValueType
    span: Span = field(compare=False)
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A dotted name; the whole chain is one attribute."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function, method or operator. `target` is the object of a method, `symbol` the sign of an operator."""

    name: str
    args: tuple[Node, ...]
    target: Node | None
    span: Span = field(compare=False)
    symbol: str = field(default="", compare=False)


Node: TypeAlias = Constant | Attribute | Call

PRECEDENCE = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-", "|", "^"), 4),
    **dict.fromkeys(("*", "/", "%", "<<", ">>", "&", "&^"), 5),
}
"""Go's binary operators, a larger number binding tighter. `|` binds like `+`."""

UNARY_PRECEDENCE = 6
PRIMARY_PRECEDENCE = 7

OPERATOR_NAMES = {
    "||": "LOR",
    "&&": "LAND",
    "==": "EQ",
    "!=": "NEQ",
    "<": "LT",
    "<=": "LEQ",
    ">": "GT",
    ">=": "GEQ",
    "+": "ADD",
    "|": "OR",
    "-": "SUB",
    "^": "XOR",
    "*": "MUL",
    "/": "QUO",
    "%": "REM",
    "<<": "SHL",
    ">>": "SHR",
    "&": "AND",
    "&^": "AND_NOT",
    "!": "NOT",
    "[]": "INDEX",
}
SYMBOLS = {name: symbol for symbol, name in OPERATOR_NAMES.items()}


def is_binary(node: Node) -> bool:
    """Whether the node has the shape of a binary operator, however it was written."""
    return (
        isinstance(node, Call) and node.target is None and len(node.args) == 2 and SYMBOLS.get(node.name) in PRECEDENCE
    )


def left_spine(node: Node) -> tuple[Node, list[Call]]:
    """The leftmost operand, and the binary calls above it from the innermost out.

    Chains such as `a || b || c …` are as deep as they are long; passes walk them in a loop by this, not by recursion.
    """
    calls: list[Call] = []
    while isinstance(node, Call) and is_binary(node):
        calls.append(node)
        node = node.args[0]
    calls.reverse()
    return node, calls


def constant_text(node: Constant) -> str:
    value = node.value
    if isinstance(value, Duration):
        return quote(node.written or str(value))
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def canonical(node: Node) -> str:
    """The form that error texts use: `EQ($source.name, "a")`, methods as `$as:startsWith("x")`."""
    first, calls = left_spine(node)
    if isinstance(first, Constant):
        text = constant_text(first)
    elif isinstance(first, Attribute):
        text = "$" + first.name
    else:
        target = "" if first.target is None else canonical(first.target) + ":"
        text = f"{target}{first.name}({', '.join(map(canonical, first.args))})"
    before = "".join(f"{call.name}(" for call in reversed(calls))
    return before + text + "".join(f", {canonical(call.args[1])})" for call in calls)


def source(node: Node) -> str:
    """The expression as a person would write it, with the fewest parentheses. Parsing it gives the same tree."""
    return render(node)[0]


def render(node: Node) -> tuple[str, int]:
    first, calls = left_spine(node)
    text, level = render_operand(first)
    for call in calls:
        symbol = SYMBOLS[call.name]
        precedence = PRECEDENCE[symbol]
        right, right_level = render(call.args[1])
        left = text if level >= precedence else f"({text})"
        text = f"{left} {symbol} {right if right_level > precedence else f'({right})'}"
        level = precedence
    return text, level


def render_operand(node: Node) -> tuple[str, int]:
    if isinstance(node, Constant):
        return constant_text(node), PRIMARY_PRECEDENCE
    if isinstance(node, Attribute):
        return node.name, PRIMARY_PRECEDENCE
    if node.target is not None:
        target, level = render(node.target)
        indexed = isinstance(node.target, Call) and node.target.name == "INDEX" and node.target.target is None
        if level < PRIMARY_PRECEDENCE or indexed or not isinstance(node.target, Attribute | Call | Constant):
            target = f"({target})"
        return f"{target}.{node.name}({', '.join(map(source, node.args))})", PRIMARY_PRECEDENCE
    if node.name == "NOT" and len(node.args) == 1:
        text, level = render(node.args[0])
        return "!" + (text if level >= UNARY_PRECEDENCE else f"({text})"), UNARY_PRECEDENCE
    if node.name == "INDEX" and len(node.args) == 2:
        text, level = render(node.args[0])
        return f"{text if level >= PRIMARY_PRECEDENCE else f'({text})'}[{source(node.args[1])}]", PRIMARY_PRECEDENCE
    return f"{node.name}({', '.join(map(source, node.args))})", PRIMARY_PRECEDENCE
