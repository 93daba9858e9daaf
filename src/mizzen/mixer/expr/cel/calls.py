"""Calls of functions and methods: which signature is meant, and what of it can be computed beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from mizzen.mixer.expr.cel import terms
from mizzen.mixer.expr.cel.functions import FUNCTIONS, METHODS
from mizzen.mixer.expr.cel.nodes import Call
from mizzen.mixer.expr.cel.overload import Overload
from mizzen.mixer.expr.cel.terms import Term
from mizzen.mixer.expr.errors import LiteralArgumentError, TypeCheckError, UnknownFunctionError
from mizzen.mixer.expr.nodes import Span
from mizzen.mixer.expr.operations import ConversionFailure
from mizzen.mixer.expr.sites import Site
from mizzen.mixer.expr.values import ValueType


def known_overloads(text: str, node: Call) -> Sequence[Overload]:
    """The signatures of the function or method that is called. Raises UnknownFunctionError."""
    found = (METHODS if node.target is not None else FUNCTIONS).get(node.name)
    if found is not None:
        return found
    names = [name for name in (*FUNCTIONS, *METHODS) if name.isidentifier()]
    advice = ""
    if node.name in names:
        advice = " as a function" if node.target is None else " as a method"
    elif close := get_close_matches(node.name, names, 1):
        advice = f"; did you mean {close[0]}?"
    raise UnknownFunctionError(f"unknown function: {node.name}{advice}", text, *node.span)


def fitting(text: str, node: Call, overloads: Sequence[Overload], types: tuple[ValueType, ...]) -> Overload:
    """The signature for arguments of these types. Raises TypeCheckError."""
    found = next((one for one in overloads if one.args == types), None)
    if found is None:
        given = ", ".join(map(str, types)) or "nothing"
        accepted = "; ".join(", ".join(map(str, one.args)) for one in overloads)
        raise TypeCheckError(f"'{node.name}' is not defined for {given}, only for {accepted}", text, *node.span)
    return found


def applied_to(text: str, node: Call, overloads: Sequence[Overload], args: Sequence[Term]) -> Term:
    """The call with its arguments, a method's target first."""
    overload = fitting(text, node, overloads, tuple(arg.type for arg in args))
    if overload.literal is not None and isinstance(args[1].constant, str):
        refuse_bad(text, overload.literal, args[1])
    if args and all(arg.constant is not None for arg in args):
        return computed(text, node.span, overload, args)
    run = terms.applied(overload.function, [arg.run for arg in args], Site(text, node.span))
    return Term(overload.result, run, node.span)


def computed(text: str, span: Span, overload: Overload, args: Sequence[Term]) -> Term:
    """The value of a function of literals, so that a bad one is found when the expression is prepared."""
    try:
        value = overload.function(*(arg.constant for arg in args))
    except ConversionFailure as failure:
        raise LiteralArgumentError(str(failure), text, *args[0].span) from None
    return terms.constant(value, overload.result, span)


def refuse_bad(text: str, check: Callable[[str], object], literal: Term) -> None:
    """Raises LiteralArgumentError for a pattern or a zone of the text that is none."""
    try:
        check(str(literal.constant))
    except ConversionFailure as failure:
        raise LiteralArgumentError(str(failure), text, *literal.span) from None
