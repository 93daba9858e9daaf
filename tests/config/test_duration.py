from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.config.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("5s", 5_000_000_000),
        ("250ms", 250_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1.5s", 1_500_000_000),
        (".5s", 500_000_000),
        ("-2us", -2_000),
        ("0", 0),
        ("0s", 0),
        ("1.000000001s", 1_000_000_001),
    ],
)
def test_a_duration_text_is_its_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "-", "5 s", "1d", "5s ", "1e3s", "9999999h", "١s"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_what_is_written_reads_as_it_was(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds
