"""Texts of literals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.config.duration import nanoseconds_of
from mizzen.mixer.expr.literals import EscapeError, parse_timestamp, quote, unescape
from mizzen.wire import Duration, Timestamp


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_reads_back(text: str) -> None:
    assert unescape(quote(text)[1:-1], '"') == text


@settings(deadline=None)
@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_a_printed_duration_reads_back_exactly_where_floating_point_allows(nanoseconds: int) -> None:
    read = nanoseconds_of(str(Duration(nanoseconds)))
    assert read is not None
    assert abs(read - nanoseconds) <= 1


@settings(deadline=None)
@given(st.integers(-62_135_596_800 * 10**9, 253_402_300_799 * 10**9))
def test_a_printed_timestamp_reads_back(nanoseconds: int) -> None:
    assert parse_timestamp(str(Timestamp(nanoseconds))) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("9223372036854775807ns", 2**63 - 1),
        ("9223372036854775808ns", None),
        ("2562047h47m16.854775807s", 2**63 - 1),
        ("2562047h47m16.854775808s", None),
        ("0.9223372036854775807h", 3320413933267),
        ("0.100000000000000000000h", 6 * 60 * 10**9),
        ("1" * 5000 + "h", None),
        ("." + "1" * 5000 + "s", 111_111_111),
        ("3.0s", 3 * 10**9),
        ("39h9m14.425s", 140_954_425_000_000),
        ("5m0", None),
        ("", None),
        ("-", None),
        ("+.s", None),
        ("1e3s", None),
        ("٣s", None),
    ],
)
def test_durations_follow_go(text: str, nanoseconds: int | None) -> None:
    assert nanoseconds_of(text) == nanoseconds


def test_an_escape_error_tells_its_offset() -> None:
    with pytest.raises(EscapeError, match="unknown escape sequence") as raised:
        unescape(r"ab\qc", '"')
    assert raised.value.offset == 2
