"""A plain interpreter of syntax trees: the model that the generated code is compared with."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from mizzen.mixer.expr import EvaluationError, RecordedAttributes, Value, ValueType
from mizzen.mixer.expr.functions import ANY, FUNCTIONS
from mizzen.mixer.expr.nodes import Attribute, Call, Constant, Node
from mizzen.wire import Duration, Timestamp

from .trees import TYPES, T


class Refusal(Exception):  # noqa: N818 (the model's counterpart of any evaluation error)
    pass


PYTHON: dict[ValueType, Any] = {
    T.STRING: str,
    T.DNS_NAME: str,
    T.INT64: int,
    T.DOUBLE: float,
    T.BOOL: bool,
    T.TIMESTAMP: Timestamp,
    T.DURATION: Duration,
    T.IP_ADDRESS: bytes,
    T.STRING_MAP: dict,
}


def type_of(node: Node) -> ValueType:
    if isinstance(node, Constant):
        return node.type
    if isinstance(node, Attribute):
        return TYPES[node.name]
    result = FUNCTIONS[node.name].result
    return type_of(node.args[1 if node.name == "conditional" else 0]) if result is ANY else result


class Interpreter:
    """Reads the rules of the language off the tree, one node at a time, and asks the bag anew each time."""

    def __init__(self, bag: RecordedAttributes) -> None:
        self.bag = bag

    def strict(self, node: Node) -> Any:
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Attribute):
            value = self.attempt(node)
            if value is None:
                raise Refusal(f"lookup failed: '{node.name}'")
            return value
        if node.name == "OR":
            left = self.attempt(node.args[0])
            return self.strict(node.args[1]) if left is None else left
        if node.name == "INDEX":
            name = self.place_strict(node.args[0])
            value = self.entry(name, self.strict(node.args[1]))
            return "" if value is None else value
        return self.computed(node)

    def attempt(self, node: Node) -> Any:
        if isinstance(node, Attribute):
            value = self.bag.get(node.name)
            kind = TYPES[node.name]
            if value is not None and (
                not isinstance(value, PYTHON[kind])
                or (kind is T.INT64 and isinstance(value, bool))
                or (kind is T.IP_ADDRESS and isinstance(value, bytes) and len(value) not in (4, 16))
            ):
                raise Refusal(f"error converting value to {kind}")
            return value
        if isinstance(node, Call) and node.name == "OR":
            left = self.attempt(node.args[0])
            return self.attempt(node.args[1]) if left is None else left
        if isinstance(node, Call) and node.name == "INDEX":
            name = self.place(node.args[0])
            if name is None:
                return None
            key = self.attempt(node.args[1])
            return None if key is None else self.entry(name, key)
        return self.strict(node)

    def entry(self, name: str, key: str) -> str | None:
        try:
            return self.bag.get_key(name, key) if name else None
        except TypeError:
            raise Refusal("error converting value to STRING_MAP") from None

    def place(self, node: Node) -> str | None:
        """Name of the map, '' for the empty one, None where there is none."""
        if isinstance(node, Attribute):
            return node.name if self.bag.has(node.name) else None
        if isinstance(node, Call) and node.name == "OR":
            left = self.place(node.args[0])
            return self.place(node.args[1]) if left is None else left
        return self.place_strict(node)

    def place_strict(self, node: Node) -> str:
        if isinstance(node, Attribute):
            if not self.bag.has(node.name):
                raise Refusal(f"lookup failed: '{node.name}'")
            return node.name
        assert isinstance(node, Call)
        if node.name == "OR":
            left = self.place(node.args[0])
            return self.place_strict(node.args[1]) if left is None else left
        if node.name == "conditional":
            return self.place_strict(node.args[1 if self.strict(node.args[0]) else 2])
        return ""

    def computed(self, node: Call) -> Any:
        if node.name == "LAND":
            return self.strict(node.args[0]) and self.strict(node.args[1])
        if node.name == "LOR":
            return self.strict(node.args[0]) or self.strict(node.args[1])
        if node.name == "conditional":
            return self.strict(node.args[1 if self.strict(node.args[0]) else 2])
        operands = (*(() if node.target is None else (node.target,)), *node.args)
        values = [self.strict(operand) for operand in operands]
        if node.name in ("EQ", "NEQ"):
            kind = type_of(node.args[0])
            return (comparable(kind, values[0]) == comparable(kind, values[1])) == (node.name == "EQ")
        return MODEL[node.name](*values)


def comparable(kind: ValueType, value: Any) -> Any:
    if kind is T.IP_ADDRESS:
        return int.from_bytes(value if len(value) == 16 else bytes(10) + b"\xff\xff" + value)
    if kind is T.DNS_NAME:
        return check_name(value).lower().removesuffix(".")
    return value


def check_name(text: str) -> str:
    if not all(text.removesuffix(".").split(".")) or re.search(r"(^|\.)-|-(\.|$)", text):
        raise Refusal("dns name")
    return text


def check_ip(text: str) -> bytes:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        raise Refusal(f"could not convert {text} to IP_ADDRESS") from None


def starred(text: str, pattern: str) -> bool:
    if pattern[-1:] == "*":
        return text[: len(pattern) - 1] == pattern[:-1]
    return text[-(len(pattern) - 1) :] == pattern[1:] if pattern[:1] == "*" else text == pattern


def searched(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        raise Refusal("error parsing regular expression") from None


def added(one: Any, other: Any) -> Any:
    return (one + other + 2**63) % 2**64 - 2**63 if isinstance(one, int) else one + other


MODEL: dict[str, Callable[..., Any]] = {
    "ADD": added,
    "NOT": lambda value: not value,
    "LT": lambda one, other: one < other,
    "GEQ": lambda one, other: one >= other,
    "size": lambda text: len(text.encode()),
    "toLower": str.lower,
    "conditionalString": lambda condition, one, other: one if condition else other,
    "match": starred,
    "matches": searched,
    "startsWith": lambda text, part: text[: len(part)] == part,
    "endsWith": lambda text, part: part == "" or text[-len(part) :] == part,
    "ip": check_ip,
    "dnsName": check_name,
    "emptyStringMap": dict,
}


def shown(kind: ValueType, value: Any) -> Any:
    """A form that compares NaN and both forms of an IPv4 address as equal."""
    if kind is T.IP_ADDRESS:
        return comparable(kind, value)
    return repr(value)


def run(evaluate: Callable[[RecordedAttributes], Any], kind: ValueType, values: Mapping[str, Value]) -> tuple[Any, Any]:
    bag = RecordedAttributes(values)
    try:
        result = shown(kind, evaluate(bag))
    except Refusal as refusal:
        result = ("error", str(refusal))
    except EvaluationError as error:
        result = ("error", error.message)
    return result, bag.references()
