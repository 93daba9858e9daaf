"""Values as people write them."""

from __future__ import annotations

import pytest

from mizzen.mixer.expr import Value, ValueType
from mizzen.mixer.expr.texts import read_value, show_value
from mizzen.wire import Duration, Timestamp

T = ValueType


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (T.STRING, "x", "x"),
        (T.DNS_NAME, "x", "x"),
        (T.INT64, -5, -5),
        (T.DOUBLE, 1.5, 1.5),
        (T.BOOL, True, True),
        (T.TIMESTAMP, "2018-01-01T00:00:00.5Z", Timestamp(1_514_764_800_500_000_000)),
        (T.DURATION, "5ms", Duration(5_000_000)),
        (T.IP_ADDRESS, "10.0.0.1", b"\x0a\0\0\1"),
        (T.IP_ADDRESS, "::1", bytes(15) + b"\1"),
        (T.STRING_MAP, {"a": "b"}, {"a": "b"}),
    ],
)
def test_a_value_is_read_and_shown(kind: ValueType, data: object, value: Value) -> None:
    assert read_value(kind, data) == value
    assert show_value(value) == data


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        (T.STRING, 5, "is not text"),
        (T.INT64, "5", "is not a whole number of 64 bits"),
        (T.INT64, True, "is not a whole number"),
        (T.INT64, 2**63, "is not a whole number of 64 bits"),
        (T.DOUBLE, "x", "is not a number"),
        (T.BOOL, "true", "is not true or false"),
        (T.TIMESTAMP, "now", "is not an RFC 3339 time"),
        (T.DURATION, 5, "is not a duration such as 5ms"),
        (T.DURATION, "5", "is not a duration"),
        (T.IP_ADDRESS, "10.0.0", "is not an IPv4 or IPv6 address"),
        (T.IP_ADDRESS, "fe80::1%eth0", "is not an IPv4 or IPv6 address"),
        (T.STRING_MAP, {"a": 5}, "is not a mapping of text to text"),
        (T.STRING_MAP, "x", "is not a mapping"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_accepted(kind: ValueType, data: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_value(kind, data)
