"""Values as people write them in YAML and JSON, and back: addresses, durations and times are texts."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from mizzen.config.duration import nanoseconds_of
from mizzen.wire import Duration, Timestamp

from .literals import MAX_INT64, parse_timestamp
from .values import TEXT_TYPES, Value, ValueType

ACCEPTED = {
    ValueType.INT64: "a whole number of 64 bits",
    ValueType.DOUBLE: "a number",
    ValueType.BOOL: "true or false",
    ValueType.TIMESTAMP: "an RFC 3339 time such as 2018-01-01T00:00:00Z",
    ValueType.DURATION: "a duration such as 5ms or 1h30m",
    ValueType.IP_ADDRESS: "an IPv4 or IPv6 address",
    ValueType.STRING_MAP: "a mapping of text to text",
    **dict.fromkeys(TEXT_TYPES, "text"),
}
"""What `read_value` takes for each type."""


def read_value(kind: ValueType, data: object) -> Value:
    """The run-time value of a type from its YAML form. Raises ValueError that says what is accepted."""
    value = READERS[kind](data) if kind in READERS else read_text(data)
    if value is None:
        raise ValueError(f"is not {ACCEPTED[kind]}")
    return value


def read_text(data: object) -> Value | None:
    return data if isinstance(data, str) else None


def read_int64(data: object) -> Value | None:
    if isinstance(data, bool) or not isinstance(data, int) or not -MAX_INT64 - 1 <= data <= MAX_INT64:
        return None
    return data


def read_double(data: object) -> Value | None:
    return float(data) if isinstance(data, int | float) and not isinstance(data, bool) else None


def read_bool(data: object) -> Value | None:
    return data if isinstance(data, bool) else None


def read_timestamp(data: object) -> Value | None:
    nanoseconds = parse_timestamp(data) if isinstance(data, str) else None
    return None if nanoseconds is None else Timestamp(nanoseconds)


def read_duration(data: object) -> Value | None:
    nanoseconds = nanoseconds_of(data) if isinstance(data, str) else None
    return None if nanoseconds is None else Duration(nanoseconds)


def read_ip(data: object) -> Value | None:
    if not isinstance(data, str) or "%" in data:
        return None
    try:
        return ipaddress.ip_address(data).packed
    except ValueError:
        return None


def read_string_map(data: object) -> Value | None:
    if not isinstance(data, Mapping):
        return None
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in data.items()):
        return None
    return dict(data)


READERS = {
    ValueType.INT64: read_int64,
    ValueType.DOUBLE: read_double,
    ValueType.BOOL: read_bool,
    ValueType.TIMESTAMP: read_timestamp,
    ValueType.DURATION: read_duration,
    ValueType.IP_ADDRESS: read_ip,
    ValueType.STRING_MAP: read_string_map,
}


def show_value(value: Value) -> Any:
    """The JSON form of a run-time value, which `read_value` reads back."""
    if isinstance(value, Timestamp | Duration):
        return str(value)
    if isinstance(value, bytes):
        return str(ipaddress.ip_address(value))
    if isinstance(value, Mapping):
        return dict(value)
    return value
