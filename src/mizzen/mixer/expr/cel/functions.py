"""CEL's functions, methods and operators: which types they take, and what they compute.

A method's target is the first argument. The conversions to addresses, names and URIs and `match` are those of the
attribute language; the rest follows CEL's definition, with times exact to the nanosecond.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from mizzen.config.duration import nanoseconds_of
from mizzen.mixer.expr import operations
from mizzen.mixer.expr.cel.overload import Overload
from mizzen.mixer.expr.cel.times import length, moment
from mizzen.mixer.expr.literals import MAX_INT64
from mizzen.mixer.expr.operations import ConversionFailure
from mizzen.mixer.expr.values import ValueType
from mizzen.wire import Duration, Timestamp

B, S, N, D = ValueType.BOOL, ValueType.STRING, ValueType.INT64, ValueType.DOUBLE
TIME, SPAN, IP = ValueType.TIMESTAMP, ValueType.DURATION, ValueType.IP_ADDRESS
NAMES = (ValueType.DNS_NAME, ValueType.EMAIL_ADDRESS, ValueType.URI)


def integer(value: int) -> int:
    """CEL's integers do not wrap around."""
    if not -MAX_INT64 - 1 <= value <= MAX_INT64:
        raise ConversionFailure("integer overflow")
    return value


def divide(left: int, right: int) -> int:
    """Rounds towards zero."""
    if right == 0:
        raise ConversionFailure("division by zero")
    quotient = abs(left) // abs(right)
    return integer(quotient if (left < 0) == (right < 0) else -quotient)


def modulo(left: int, right: int) -> int:
    """Has the sign of the left side."""
    if right == 0:
        raise ConversionFailure("modulus by zero")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def divide_doubles(left: float, right: float) -> float:
    if right == 0:
        if left == 0 or left != left:
            return float("nan")
        return float("inf") if (left > 0) == (str(right)[0] != "-") else float("-inf")
    return left / right


def text_to_integer(text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise ConversionFailure(f"could not convert '{text}' to INT64")
    return integer(int(text))


def text_to_double(text: str) -> float:
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    raise ConversionFailure(f"could not convert '{text}' to DOUBLE")


def double_to_integer(value: float) -> int:
    if value != value or value in (float("inf"), float("-inf")):
        raise ConversionFailure("integer overflow")
    return integer(int(value))


def text_to_duration(text: str) -> Duration:
    nanoseconds = nanoseconds_of(text)
    if nanoseconds is None:
        raise ConversionFailure(f"could not convert '{text}' to DURATION")
    return Duration(nanoseconds)


def timed(make: Callable[[int], Any], compute: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    return lambda left, right: make(integer(compute(left.nanoseconds, right.nanoseconds)))


def ordered(compare: Callable[[Any, Any], bool]) -> Mapping[ValueType, Callable[[Any, Any], bool]]:
    plain = dict.fromkeys((B, S, N, D), compare)
    return plain | dict.fromkeys((TIME, SPAN), lambda left, right: compare(left.nanoseconds, right.nanoseconds))


EQUALITY: Mapping[ValueType, Callable[[Any, Any], bool]] = {
    **ordered(operator.eq),
    IP: operations.ip_equal,
    ValueType.DNS_NAME: operations.dns_equal,
    ValueType.EMAIL_ADDRESS: operations.email_equal,
    ValueType.URI: operations.uri_equal,
}
"""By type; a STRING_MAP has none, so that no answer hangs on a whole map by accident."""


def inequality(equal: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: not equal(left, right)


def comparisons() -> dict[str, tuple[Overload, ...]]:
    signs = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    found = {
        sign: tuple(Overload((kind, kind), B, compute) for kind, compute in ordered(compare).items())
        for sign, compare in signs.items()
    }
    found["=="] = tuple(Overload((kind, kind), B, equal) for kind, equal in EQUALITY.items())
    found["!="] = tuple(Overload((kind, kind), B, inequality(equal)) for kind, equal in EQUALITY.items())
    return found


FUNCTIONS: Mapping[str, tuple[Overload, ...]] = {
    **comparisons(),
    "!": (Overload((B,), B, operator.not_),),
    "+": (
        Overload((N, N), N, lambda left, right: integer(left + right)),
        Overload((D, D), D, operator.add),
        Overload((S, S), S, operator.add),
        Overload((SPAN, SPAN), SPAN, timed(Duration, operator.add)),
        Overload((TIME, SPAN), TIME, timed(Timestamp, operator.add)),
        Overload((SPAN, TIME), TIME, timed(Timestamp, operator.add)),
    ),
    "-": (
        Overload((N, N), N, lambda left, right: integer(left - right)),
        Overload((D, D), D, operator.sub),
        Overload((SPAN, SPAN), SPAN, timed(Duration, operator.sub)),
        Overload((TIME, SPAN), TIME, timed(Timestamp, operator.sub)),
        Overload((TIME, TIME), SPAN, timed(Duration, operator.sub)),
        Overload((N,), N, lambda value: integer(-value)),
        Overload((D,), D, operator.neg),
    ),
    "*": (Overload((N, N), N, lambda left, right: integer(left * right)), Overload((D, D), D, operator.mul)),
    "/": (Overload((N, N), N, divide), Overload((D, D), D, divide_doubles)),
    "%": (Overload((N, N), N, modulo),),
    "size": (Overload((S,), N, len),),
    "match": (Overload((S, S), B, operations.match_text),),
    "toLower": (Overload((S,), S, operations.to_lower),),
    "reverse": (Overload((S,), S, lambda text: text[::-1]),),
    "matches": (
        Overload((S, S), B, lambda text, pattern: operations.matches(pattern, text), operations.compile_pattern),
    ),
    "ip": (Overload((S,), IP, operations.to_ip),),
    "dnsName": (Overload((S,), ValueType.DNS_NAME, operations.to_dns_name),),
    "email": (Overload((S,), ValueType.EMAIL_ADDRESS, operations.to_email),),
    "uri": (Overload((S,), ValueType.URI, operations.to_uri),),
    "timestamp": (Overload((S,), TIME, operations.to_timestamp),),
    "duration": (Overload((S,), SPAN, text_to_duration),),
    "int": (
        Overload((N,), N, int),
        Overload((D,), N, double_to_integer),
        Overload((S,), N, text_to_integer),
        Overload((TIME,), N, lambda time: time.nanoseconds // 1_000_000_000),
    ),
    "double": (Overload((D,), D, float), Overload((N,), D, float), Overload((S,), D, text_to_double)),
    "string": (
        *(Overload((kind,), S, str) for kind in (S, N, TIME, *NAMES)),
        Overload((B,), S, lambda value: "true" if value else "false"),
        Overload((IP,), S, operations.ip_text),
    ),
}
"""Operators by their sign, and functions."""

METHODS: Mapping[str, tuple[Overload, ...]] = {
    "size": FUNCTIONS["size"],
    "matches": FUNCTIONS["matches"],
    "reverse": FUNCTIONS["reverse"],
    "startsWith": (Overload((S, S), B, str.startswith),),
    "endsWith": (Overload((S, S), B, str.endswith),),
    "contains": (Overload((S, S), B, operator.contains),),
    "getFullYear": moment(lambda at: at.year),
    "getMonth": moment(lambda at: at.month - 1),
    "getDate": moment(lambda at: at.day),
    "getDayOfMonth": moment(lambda at: at.day - 1),
    "getDayOfWeek": moment(lambda at: at.isoweekday() % 7),
    "getDayOfYear": moment(lambda at: at.timetuple().tm_yday - 1),
    "getHours": (*moment(lambda at: at.hour), length(3_600_000_000_000)),
    "getMinutes": (*moment(lambda at: at.minute), length(60_000_000_000)),
    "getSeconds": (*moment(lambda at: at.second), length(1_000_000_000)),
    "getMilliseconds": (*moment(lambda at: at.microsecond // 1000), length(1_000_000, 1000)),
}

SIGNS = frozenset(FUNCTIONS) - frozenset(name for name in FUNCTIONS if name.isidentifier())
"""The names of operators, which no call can have."""
