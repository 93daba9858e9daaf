from __future__ import annotations

import math

import pytest

from mizzen.config.scalars import ScalarError, resolve_plain


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "y", "n", "2017-01-01", "1:30", "1_000", "0b11", "tRue"])
def test_what_only_yaml_1_1_converts_stays_a_text(text: str) -> None:
    assert resolve_plain(text) == text


@pytest.mark.parametrize("text", ["012", "-07", "00", "08"])
def test_a_leading_zero_is_ambiguous(text: str) -> None:
    with pytest.raises(ScalarError):
        resolve_plain(text)


def test_infinities_and_nan_are_numbers() -> None:
    assert resolve_plain("-.inf") == -math.inf
    assert resolve_plain(".INF") == math.inf
    value = resolve_plain(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_number_too_long_to_convert_cheaply_stays_a_text() -> None:
    assert resolve_plain("9" * 5000) == "9" * 5000
