from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.texts import (
    duration_text,
    float_text,
    ip_text,
    string_equals,
    stringify,
    time_text,
    to_number,
)
from mizzen.mixer.expr import Duration, Timestamp, Value

CASES = yaml.safe_load((Path(__file__).parent / "cases_texts.yaml").read_text())
READERS: dict[str, Callable[[Any], Value | None]] = {
    "ip": bytes.fromhex,
    "time": Timestamp,
    "duration": Duration,
}


def value_of(case: dict[str, Any]) -> Value | None:
    value: Value | None = case["value"]
    return READERS[case["type"]](value) if case["type"] in READERS else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['type']} {case['value']}")
def test_values_have_the_texts_of_the_original(case: dict[str, Any]) -> None:
    assert stringify(value_of(case)) == case["text"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['type']} {case['value']}")
def test_a_text_is_read_as_the_type_of_the_value_it_is_compared_with(case: dict[str, Any]) -> None:
    value = value_of(case)
    assert [text for text in case["equal"] if not string_equals(value, text)] == []
    assert [text for text in case["different"] if string_equals(value, text)] == []


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_its_text_which_has_no_exponent(number: float) -> None:
    text = float_text(number)
    assert "e" not in text.lower()
    assert float(text) == number
    assert string_equals(number, text)
    assert Decimal(text) == Decimal(repr(number))


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_duration_equals_its_text(nanoseconds: int) -> None:
    value = Duration(nanoseconds)
    assert string_equals(value, duration_text(value)) or nanoseconds == -(2**63)


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_an_address_equals_its_text(address: bytes) -> None:
    assert string_equals(address, ip_text(address))


@given(st.integers(-(10**27), 10**27))
def test_every_moment_has_a_text(nanoseconds: int) -> None:
    assert time_text(Timestamp(nanoseconds)).endswith("Z")


values = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.binary(max_size=20),
    st.integers(-(10**27), 10**27).map(Timestamp),
    st.integers(-(10**27), 10**27).map(Duration),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4),
    st.none(),
)


@given(values, st.text())
def test_any_value_compares_with_any_text(value: Value | None, text: str) -> None:
    assert isinstance(string_equals(value, text), bool)
    assert isinstance(stringify(value), str)


@pytest.mark.parametrize(
    ("value", "number"), [(3, 3), (-0.5, -0.5), (Duration(1_500_000_000), 1.5), ("7", 7.0), ("1e3", 1000.0)]
)
def test_numbers_durations_and_texts_of_numbers_can_be_a_metric(value: Value, number: float) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "a value of type null is not a number"),
        (True, "a value of type bool is not a number"),
        ({"a": "b"}, "a value of type dict is not a number"),
        ("1_000", "the value '1_000' is not a number"),
        ("x" * 500, f"the value '{'x' * 40}' is not a number"),
    ],
)
def test_other_values_cannot_be_a_metric(value: Value | None, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        to_number(value)
