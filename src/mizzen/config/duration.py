"""Durations in configuration: texts such as `5s`, `250ms` or `1h30m`, kept as integer nanoseconds.

The syntax is Go's, which Istio's configuration uses; proto3 JSON's form (`1.5s`) is a part of it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

ACCEPTED = "a duration such as 5s, 250ms or 1h30m"

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LARGEST = 2**63 - 1


def parse_duration(text: str) -> int:
    """The nanoseconds of a duration text; ValueError for anything else or beyond 64 bits (about 292 years)."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if body == "0":
        return 0
    total, end = Decimal(0), 0
    while end < len(body):
        part = _PART.match(body, end)
        if part is None:
            raise ValueError(f"{text!r} is not a duration")
        total += Decimal(part[1]) * _NANOSECONDS[part[2]]
        end = part.end()
    if not body or total > _LARGEST:
        raise ValueError(f"{text!r} is not a duration")
    return sign * int(total)


def format_duration(nanoseconds: int) -> str:
    """The proto3 JSON form: seconds with as many digits as are needed, and `s`."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    seconds, fraction = divmod(rest, 1_000_000_000)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{sign}{seconds}{digits}s"


def _decode(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("duration", "is not a duration", {"accepted": ACCEPTED})
    try:
        return parse_duration(value)
    except (ValueError, ArithmeticError):
        raise PydanticCustomError("duration", "is not a duration", {"accepted": ACCEPTED}) from None


DurationNs = Annotated[int, BeforeValidator(_decode, json_schema_input_type=str)]
"""The type of a duration field in a spec model: text in, nanoseconds out."""
