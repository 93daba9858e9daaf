"""Durations in configuration: texts such as `5s`, `250ms` or `1h30m`, kept as integer nanoseconds.

The syntax is Go's, which Istio's configuration uses; proto3 JSON's form (`1.5s`) is a part of it.
"""

from __future__ import annotations

import re
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
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_LARGEST = (1 << 63) - 1
_LONGEST_NUMBER = len(str(_LARGEST))


def nanoseconds_of(text: str) -> int | None:
    """Nanoseconds of a duration text, or None where Go's `time.ParseDuration` (1.13) refuses it.

    That is anything else, and what is beyond 64 bits (about 292 years). The fraction is computed in binary floating
    point as Go does, so both agree on every nanosecond.
    """
    body = text[1:] if text[:1] in {"+", "-"} else text
    if body == "0":
        return 0
    total = 0
    position = 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or part[3] not in _NANOSECONDS or not (part[1] or part[2]):
            return None
        digits = part[1].lstrip("0") or "0"
        if len(digits) > _LONGEST_NUMBER:
            return None
        unit = _NANOSECONDS[part[3]]
        total += int(digits) * unit
        if part[2]:
            total += _fraction(part[2], unit)
        if total > _LARGEST:
            return None
        position = part.end()
    if position == 0:
        return None
    return -total if text[0] == "-" else total


def parse_duration(text: str) -> int:
    """As `nanoseconds_of`; ValueError instead of None."""
    nanoseconds = nanoseconds_of(text)
    if nanoseconds is None:
        raise ValueError(f"{text!r} is not a duration")
    return nanoseconds


def _fraction(digits: str, unit: int) -> int:
    value = 0
    scale = 1.0
    for digit in digits:
        if value > _LARGEST // 10 or (grown := value * 10 + int(digit)) > _LARGEST:
            break
        value = grown
        scale *= 10
    return int(float(value) * (float(unit) / scale))


def format_duration(nanoseconds: int) -> str:
    """The proto3 JSON form: seconds with as many digits as are needed, and `s`."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    seconds, fraction = divmod(rest, 1_000_000_000)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{sign}{seconds}{digits}s"


def _decode(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("duration", "is not a duration", {"accepted": ACCEPTED})
    nanoseconds = nanoseconds_of(value)
    if nanoseconds is None:
        raise PydanticCustomError("duration", "is not a duration", {"accepted": ACCEPTED})
    return nanoseconds


DurationNs = Annotated[int, BeforeValidator(_decode, json_schema_input_type=str)]
"""The type of a duration field in a spec model: text in, nanoseconds out."""
