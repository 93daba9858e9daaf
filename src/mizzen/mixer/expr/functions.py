"""The functions, methods and operators of the language: their signatures."""

from __future__ import annotations

from dataclasses import dataclass

from .values import ValueType

ANY = ValueType.UNSPECIFIED
"""In a signature: the type of the first argument in such a place; later ones and the result must be equal to it."""

B, S = ValueType.BOOL, ValueType.STRING

COMPARABLE = frozenset(ValueType) - {ANY, ValueType.STRING_MAP}
ORDERED = COMPARABLE - {ValueType.BOOL, ValueType.IP_ADDRESS}
ADDABLE = ORDERED - {ValueType.TIMESTAMP, ValueType.DURATION}


@dataclass(frozen=True, slots=True)
class Function:
    """`target` is set for methods. `accepts` limits what ANY may stand for, `noun` names the operation in the error."""

    name: str
    args: tuple[ValueType, ...]
    result: ValueType
    target: ValueType | None = None
    accepts: frozenset[ValueType] | None = None
    noun: str = ""


FUNCTIONS = {
    function.name: function
    for function in (
        Function("EQ", (ANY, ANY), B, accepts=COMPARABLE, noun="equality"),
        Function("NEQ", (ANY, ANY), B, accepts=COMPARABLE, noun="equality"),
        Function("LT", (ANY, ANY), B, accepts=ORDERED, noun="less than"),
        Function("LEQ", (ANY, ANY), B, accepts=ORDERED, noun="less than or equal"),
        Function("GT", (ANY, ANY), B, accepts=ORDERED, noun="greater than"),
        Function("GEQ", (ANY, ANY), B, accepts=ORDERED, noun="greater than or equal"),
        Function("ADD", (ANY, ANY), ANY, accepts=ADDABLE, noun="add"),
        Function("LAND", (B, B), B),
        Function("LOR", (B, B), B),
        Function("NOT", (B,), B),
        Function("OR", (ANY, ANY), ANY),
        Function("INDEX", (ValueType.STRING_MAP, S), S),
        Function("conditional", (B, ANY, ANY), ANY),
        Function("conditionalString", (B, S, S), S),
        Function("emptyStringMap", (), ValueType.STRING_MAP),
        Function("size", (S,), ValueType.INT64),
        Function("toLower", (S,), S),
        Function("match", (S, S), B),
        Function("ip", (S,), ValueType.IP_ADDRESS),
        Function("timestamp", (S,), ValueType.TIMESTAMP),
        Function("dnsName", (S,), ValueType.DNS_NAME),
        Function("email", (S,), ValueType.EMAIL_ADDRESS),
        Function("uri", (S,), ValueType.URI),
        Function("matches", (S,), B, target=S),
        Function("startsWith", (S,), B, target=S),
        Function("endsWith", (S,), B, target=S),
    )
}
