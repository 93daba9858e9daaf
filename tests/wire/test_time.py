"""Timestamps and durations are exact, comparable and printable."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.wire import Duration, Timestamp, Value, decode_attributes, encode_attributes

LIMIT = 2**63 * 1_000_000_000
NANOSECONDS = st.integers(-LIMIT, LIMIT - 1)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000_250_000_000, "2017-07-14T02:40:00.25Z"),
        (1_500_000_000_000_000_001, "2017-07-14T02:40:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (951_827_696_000_000_000, "2000-02-29T12:34:56Z"),
        (-62_135_596_800_000_000_000, "0001-01-01T00:00:00Z"),
        (253_402_300_799_000_000_000, "9999-12-31T23:59:59Z"),
        (253_402_300_800_000_000_000, "10000-01-01T00:00:00Z"),
    ],
)
def test_a_timestamp_prints_as_rfc_3339(nanoseconds: int, text: str) -> None:
    assert str(Timestamp(nanoseconds)) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (5_000_000, "5ms"),
        (1_500_000_000, "1.5s"),
        (-1_500_000_000, "-1.5s"),
        (60_000_000_000, "1m0s"),
        (3_600_000_000_000, "1h0m0s"),
        (93_784_005_000_000, "26h3m4.005s"),
        (999_999_999, "999.999999ms"),
    ],
)
def test_a_duration_prints_as_in_go(nanoseconds: int, text: str) -> None:
    assert str(Duration(nanoseconds)) == text


@given(NANOSECONDS)
def test_nanoseconds_are_kept_exactly_over_the_wire(nanoseconds: int) -> None:
    bag: dict[str, Value] = {"t": Timestamp(nanoseconds), "d": Duration(nanoseconds)}
    assert decode_attributes(encode_attributes(bag)) == bag
    assert Timestamp(nanoseconds).nanoseconds == Duration(nanoseconds).nanoseconds == nanoseconds


@given(NANOSECONDS)
def test_every_time_can_be_printed(nanoseconds: int) -> None:
    assert str(Timestamp(nanoseconds)).endswith("Z")
    assert str(Duration(nanoseconds)).endswith("s")


@pytest.mark.parametrize("nanoseconds", [LIMIT, -LIMIT - 1, 2**200])
def test_seconds_beyond_64_bits_are_refused(nanoseconds: int) -> None:
    for kind in (Timestamp, Duration):
        with pytest.raises(OverflowError):
            kind(nanoseconds)


@given(NANOSECONDS, NANOSECONDS)
def test_order_and_equality_are_those_of_the_nanoseconds(left: int, right: int) -> None:
    for kind in (Timestamp, Duration):
        assert (kind(left) < kind(right)) == (left < right)  # type: ignore[operator]
        assert (kind(left) == kind(right)) == (left == right)
        if left == right:
            assert hash(kind(left)) == hash(kind(right))


def test_timestamp_and_duration_never_compare() -> None:
    assert Timestamp(1) != Duration(1)
    with pytest.raises(TypeError):
        assert Timestamp(1) < Duration(2)  # type: ignore[operator]


def test_a_time_is_immutable_hashable_and_survives_copies() -> None:
    for time in (Timestamp(1_500_000_000_250_000_000), Duration(-5)):
        with pytest.raises(AttributeError):
            time.nanoseconds = 1  # type: ignore[misc]
        assert {time: "x"}[copy.deepcopy(time)] == "x"
        assert pickle.loads(pickle.dumps(time)) == time  # noqa: S301
        assert eval(repr(time)) == time  # noqa: S307


@given(st.datetimes(timezones=st.just(UTC)))
def test_datetimes_convert_both_ways(moment: datetime) -> None:
    assert Timestamp.from_datetime(moment).to_datetime() == moment


@given(st.timedeltas())
def test_timedeltas_convert_both_ways(span: timedelta) -> None:
    assert Duration.from_timedelta(span).to_timedelta() == span


def test_a_datetime_of_another_zone_is_the_same_moment() -> None:
    zone = timezone(timedelta(hours=2))
    moment = datetime(2017, 7, 14, 4, 40, tzinfo=zone)
    assert Timestamp.from_datetime(moment) == Timestamp(1_500_000_000_000_000_000)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="without time zone"):
        Timestamp.from_datetime(datetime(2017, 7, 14))


def test_nanoseconds_are_cut_and_not_rounded_when_converted() -> None:
    assert Duration(1_999).to_timedelta() == timedelta(microseconds=1)
    assert Timestamp(-1).to_datetime() == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


def test_a_year_that_datetime_lacks_is_an_overflow() -> None:
    with pytest.raises(OverflowError):
        Timestamp(LIMIT - 1).to_datetime()
    with pytest.raises(OverflowError):
        Duration(LIMIT - 1).to_timedelta()


def test_a_duration_has_seconds_and_is_false_when_zero() -> None:
    assert Duration(1_500_000_000).seconds == 1.5
    assert Duration(1)
    assert not Duration(0)
