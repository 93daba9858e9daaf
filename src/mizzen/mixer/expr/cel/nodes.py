"""The syntax tree of an expression in CEL: what the grammar says, before names and types are looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from mizzen.mixer.expr.nodes import Span
from mizzen.mixer.expr.values import Value, ValueType


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    type: ValueType
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """`a.b.c`: an attribute, or an attribute and a key of it, or a macro's variable."""

    names: tuple[str, ...]
    span: Span = field(compare=False)

    @property
    def text(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Index:
    """`target[key]`."""

    target: Node
    key: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Items:
    """`[a, b]`."""

    items: tuple[Node, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function, a method of `target`, or an operator, whose name is its sign (`&&`, `-`, `?:`)."""

    name: str
    args: tuple[Node, ...]
    target: Node | None
    span: Span = field(compare=False)


Node: TypeAlias = Literal | Chain | Index | Items | Call
