"""CEL's methods of times and durations."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from mizzen.mixer.expr.cel.overload import Overload
from mizzen.mixer.expr.operations import ConversionFailure
from mizzen.mixer.expr.values import ValueType
from mizzen.wire import Duration, Timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSET = re.compile(r"(?P<sign>[+-]?)(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)", re.ASCII)
CACHED_ZONES = 64


@lru_cache(CACHED_ZONES)
def zone(name: str) -> tzinfo:
    """A zone by its name, such as Europe/Berlin, or as an offset, such as -08:00."""
    found = OFFSET.fullmatch(name)
    try:
        if found is None:
            return ZoneInfo(name)
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        return timezone(-offset if found["sign"] == "-" else offset)
    except (ValueError, KeyError, OSError):  # a zone that is not found is a KeyError
        raise ConversionFailure(f"unknown time zone '{name}'") from None


def moment(part: Callable[[datetime], int]) -> tuple[Overload, ...]:
    """A method that gives a part of a time, in UTC or in the zone that is named."""

    def compute(time: Timestamp, name: str = "UTC") -> int:
        try:
            at = EPOCH + timedelta(microseconds=time.nanoseconds // 1000)
            return part(at.astimezone(zone(name)) if name != "UTC" else at)
        except OverflowError:
            raise ConversionFailure("time out of range") from None

    time, name, result = ValueType.TIMESTAMP, ValueType.STRING, ValueType.INT64
    return Overload((time,), result, compute), Overload((time, name), result, compute, zone)


def length(nanoseconds: int, most: int = 2**63) -> Overload:
    """A method that gives a duration in whole units of so many nanoseconds, without `most` of them and more."""

    def compute(span: Duration) -> int:
        whole = abs(span.nanoseconds) // nanoseconds % most
        return whole if span.nanoseconds >= 0 else -whole

    return Overload((ValueType.DURATION,), ValueType.INT64, compute)
