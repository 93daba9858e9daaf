"""Values as texts (labels, tags, keys, log lines) and the comparison of a value with a text.

The forms are those of Istio's adapters: dashboards, quota overrides and log pipelines depend on them.
"""

from __future__ import annotations

import base64
import ipaddress
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from mizzen.config import parse_duration
from mizzen.mixer.expr import Duration, Timestamp, Value

JsonValue: TypeAlias = str | int | float | bool | Mapping[str, str] | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS_OF_400_YEARS = 146_097
_NS_PER_DAY = 86_400_000_000_000
_INT64 = range(-(2**63), 2**63)
_LONGEST_NUMBER = 400


def stringify(value: Value | None) -> str:
    """The text of any value; the empty text for null.

    Integers in decimal, floats in the fewest digits without an exponent, IP addresses in their usual form, times in
    UTC with six fraction digits, durations as `1m0.5s`, maps as `k=v` sorted by key and joined by `&`.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    form = _FORMS.get(type(value))
    return form(value) if form else _map_text(value)  # type: ignore[arg-type]


def json_value(value: Value | None) -> JsonValue:
    """A value as JSON holds it: times, durations, addresses and floats without a number become texts."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else float_text(value)
    if isinstance(value, Mapping):
        return dict(sorted(value.items()))
    return stringify(value)


def float_text(value: float) -> str:
    """Fewest digits that give the same float, never with an exponent; `NaN`, `+Inf`, `-Inf`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def ip_text(value: bytes) -> str:
    """An address of 4 or 16 bytes (an IPv4 address in IPv6 form is shown as IPv4); base64 for any other length."""
    address = to_address(value)
    return str(address) if address else base64.b64encode(value).decode()


def to_address(value: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `value`, IPv4 where it is one in IPv6 form; None if the length is no address's."""
    if len(value) == 4:
        return ipaddress.IPv4Address(value)
    if len(value) != 16:
        return None
    address = ipaddress.IPv6Address(value)
    return address.ipv4_mapped or address


def time_text(value: Timestamp) -> str:
    """UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`; digits beyond microseconds are cut off."""
    days, rest = divmod(value.nanoseconds, _NS_PER_DAY)
    cycles, days = divmod(days, _DAYS_OF_400_YEARS)  # the calendar repeats, datetime ends in the year 9999
    moment = _EPOCH + timedelta(days=days, microseconds=rest // 1000)
    year = moment.year + 400 * cycles
    return f"{year:04d}-{moment:%m-%dT%H:%M:%S.%f}Z"


def duration_text(value: Duration) -> str:
    """Go's form: `1h0m1.5s`, `2m0s`, `1.5ms`, `300µs`, `0s`."""
    nanoseconds = abs(value.nanoseconds)
    sign = "-" if value.nanoseconds < 0 else ""
    if nanoseconds < 1_000_000_000:
        for size, unit in ((1_000_000, "ms"), (1_000, "µs"), (1, "ns")):
            if nanoseconds >= size:
                return f"{sign}{_fraction(nanoseconds, size)}{unit}"
        return "0s"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_fraction(rest, 1_000_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else f"{sign}{text}"


def string_equals(value: Value | None, text: str) -> bool:
    """Whether `text`, read as a value of the same type, is `value`. Null equals the empty text.

    Addresses compare as numbers, maps by their `k=v&k=v` form, durations and times by length and moment.
    """
    if value is None:
        return text == ""
    if isinstance(value, str):
        return value == text
    parse = _PARSERS.get(type(value))
    if parse is None:
        return stringify(value) == text
    try:
        parsed = parse(text)
    except (ValueError, ArithmeticError):
        return False
    return (to_address(value) if isinstance(value, bytes) else value) == parsed


def parse_number(text: str) -> float:
    """A decimal number, without the underscores that Python allows; ValueError for anything else."""
    if len(text) > _LONGEST_NUMBER or "_" in text:
        raise ValueError("is not a number")
    return float(text)


def to_number(value: Value | None) -> int | float:
    """The number that the value of a metric is: durations in seconds, texts as written; ValueError for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, Duration):
        return value.nanoseconds / 1e9
    if isinstance(value, str):
        try:
            return parse_number(value)
        except ValueError:
            raise ValueError(f"the value {value[:40]!r} is not a number") from None
    raise ValueError(f"a value of type {'null' if value is None else type(value).__name__} is not a number")


def _fraction(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


def _map_text(value: Mapping[str, str]) -> str:
    return "&".join(f"{key}={value[key]}" for key in sorted(value))


_FORMS: Mapping[type, Callable[..., str]] = {
    bool: _bool_text,
    int: str,
    float: float_text,
    bytes: ip_text,
    Timestamp: time_text,
    Duration: duration_text,
}


def _parse_int(text: str) -> int:
    if len(text) > 20 or "_" in text or int(text) not in _INT64:
        raise ValueError("is not a 64 bit integer")
    return int(text)


_BOOLS = {
    **dict.fromkeys(["1", "t", "T", "true", "TRUE", "True"], True),
    **dict.fromkeys(["0", "f", "F", "false", "FALSE", "False"], False),
}


def _parse_bool(text: str) -> bool:
    if text not in _BOOLS:
        raise ValueError("is not a bool")
    return _BOOLS[text]


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IP address without a zone, IPv4 where it is one in IPv6 form; ValueError for anything else."""
    if "%" in text:
        raise ValueError("has a zone")
    address = ipaddress.ip_address(text)
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _parse_time(text: str) -> Timestamp:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    return Timestamp((moment - _EPOCH) // timedelta(microseconds=1) * 1000)


_PARSERS: Mapping[type, Callable[[str], object]] = {
    bool: _parse_bool,
    int: _parse_int,
    float: parse_number,
    bytes: parse_address,
    Timestamp: _parse_time,
    Duration: lambda text: Duration(parse_duration(text)),
}
