"""Types every node, resolves functions, and converts literal arguments once. The result is the typed tree.

Each typed node carries a `key`: nodes with equal keys compute the same value on the same bag, which is how the compiler
finds repeated sub-expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from mizzen.wire import Duration, Timestamp

from . import operations
from .errors import (
    ArityError,
    LiteralArgumentError,
    TypeCheckError,
    UnknownAttributeError,
    UnknownFunctionError,
)
from .functions import ANY, FUNCTIONS, Function
from .nodes import SYMBOLS, Attribute, Call, Constant, Node, Span, canonical, left_spine
from .operations import ConversionFailure
from .values import Value, ValueType
from .vocabulary import Vocabulary


@dataclass(slots=True, eq=False)
class TypedConstant:
    value: Value
    type: ValueType
    span: Span
    key: int


@dataclass(slots=True, eq=False)
class TypedAttribute:
    name: str
    type: ValueType
    span: Span
    key: int


@dataclass(slots=True, eq=False)
class TypedCall:
    """A call with a method's target as its first argument."""

    function: Function
    args: tuple[Typed, ...]
    type: ValueType
    span: Span
    key: int


Typed: TypeAlias = TypedConstant | TypedAttribute | TypedCall

FOLDED: dict[str, Callable[[str], Value]] = {
    "ip": operations.to_ip,
    "timestamp": operations.to_timestamp,
    "dnsName": operations.to_dns_name,
    "email": operations.to_email,
    "uri": operations.to_uri,
    "size": operations.byte_length,
    "toLower": operations.to_lower,
}
"""Functions of one text whose literal argument is computed when the expression is prepared."""


class Checker:
    """Checks one expression against one vocabulary."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.keys: dict[object, int] = {}

    def check(self, node: Node) -> Typed:
        """The typed tree. Raises TypeCheckError or a subclass."""
        first, calls = left_spine(node)
        typed = self.operand(first)
        for call in calls:
            typed = self.call(call, (typed, self.check(call.args[1])))
        return typed

    def operand(self, node: Node) -> Typed:
        if isinstance(node, Constant):
            return TypedConstant(node.value, node.type, node.span, self.constant_key(node.type, node.value))
        if isinstance(node, Attribute):
            return self.attribute(node)
        target = () if node.target is None else (node.target,)
        self.resolve(node)
        return self.call(node, tuple(self.check(arg) for arg in (*target, *node.args)))

    def attribute(self, node: Attribute) -> Typed:
        kind = self.vocabulary.get(node.name)
        if kind is None or kind is ANY:
            advice = self.vocabulary.advice(node.name)
            raise UnknownAttributeError(f"unknown attribute {node.name}{advice}", self.text, *node.span)
        return TypedAttribute(node.name, kind, node.span, self.key(("attribute", node.name)))

    def key(self, shape: object) -> int:
        return self.keys.setdefault(shape, len(self.keys))

    def constant_key(self, kind: ValueType, value: Value) -> int:
        return self.key(
            ("constant", kind, value.nanoseconds if isinstance(value, Timestamp | Duration) else repr(value))
        )

    def resolve(self, call: Call) -> Function:
        """The function that is called, with the form of the call and the number of arguments checked."""
        function = FUNCTIONS.get(call.name)
        if function is None:
            sign = call.symbol or SYMBOLS.get(call.name, "")
            hint = f" (the operator {sign} is not part of the language)" if sign else ""
            raise UnknownFunctionError(f"unknown function: {call.name}{hint}", self.text, *call.span)
        if call.target is not None and function.target is None:
            self.fail(UnknownFunctionError, f"invoking regular function on instance method: {call.name}", call.span)
        if call.target is None and function.target is not None:
            self.fail(UnknownFunctionError, f"invoking instance method without an instance: {call.name}", call.span)
        given, wanted = len(call.args), len(function.args)
        if given != wanted:
            message = f"{canonical(call)} arity mismatch. Got {given} arg(s), expected {wanted} arg(s)"
            self.fail(ArityError, message, call.span)
        return function

    def fail(self, error: type[TypeCheckError], message: str, span: Span) -> NoReturn:
        raise error(message, self.text, *span)

    def call(self, node: Call, operands: tuple[Typed, ...]) -> Typed:
        function = self.resolve(node)
        args = operands
        if function.target is not None:
            if operands[0].type is not function.target:
                message = f"{canonical(node)} target typeError got {operands[0].type}, expected {function.target}"
                self.fail(TypeCheckError, message, operands[0].span)
            args = operands[1:]
        bound = self.bind(node, function, args)
        result = bound if function.result is ANY else function.result
        folded = self.fold(function, operands, node.span)
        if folded is not None:
            return folded
        key = self.key((function.name, *(operand.key for operand in operands)))
        return TypedCall(function, operands, result, node.span, key)

    def bind(self, node: Call, function: Function, args: tuple[Typed, ...]) -> ValueType:
        """What ANY stands for in this call, or ANY for a function without it."""
        bound = ANY
        for number, (arg, wanted) in enumerate(zip(args, function.args, strict=True), 1):
            if wanted is ANY and bound is ANY:
                bound = arg.type
                continue
            expected = bound if wanted is ANY else wanted
            if arg.type is not expected:
                shown = canonical(node.args[number - 1])
                message = f"{canonical(node)} arg {number} ({shown}) typeError got {arg.type}, expected {expected}"
                hint = duration_hint(arg, expected)
                self.fail(TypeCheckError, message + hint, arg.span)
        if function.accepts is not None and bound not in function.accepts:
            accepted = ", ".join(kind.name for kind in ValueType if kind in function.accepts)
            message = f"{canonical(node)}: {function.noun} is not defined for {bound}, only for {accepted}"
            self.fail(TypeCheckError, message, node.span)
        return bound

    def fold(self, function: Function, args: tuple[Typed, ...], span: Span) -> TypedConstant | None:
        """The value of a function of one literal; None where it must be computed on each bag."""
        if not args or not isinstance(args[0], TypedConstant):
            return None
        argument = args[0].value
        if not isinstance(argument, str):
            return None
        try:
            if function.name == "matches":
                operations.compile_pattern(argument)
                return None
            convert = FOLDED.get(function.name)
            if convert is None:
                return None
            value = convert(argument)
        except ConversionFailure as failure:
            raise LiteralArgumentError(str(failure), self.text, *args[0].span) from None
        kind = function.result
        return TypedConstant(value, kind, span, self.constant_key(kind, value))


def duration_hint(arg: Typed, expected: ValueType) -> str:
    if isinstance(arg, TypedConstant) and arg.type is ValueType.DURATION and expected is ValueType.STRING:
        return " (a text literal that reads as a duration is one)"
    return ""
