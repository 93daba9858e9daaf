"""Texts beyond all use are refused, and long ones within the bounds work."""

from __future__ import annotations

import pytest

from mizzen.mixer.expr import LimitError, ParseError, RecordedAttributes, Value, compile_expression
from mizzen.mixer.expr.parser import MAX_DEPTH, MAX_LENGTH

from .trees import VOCABULARY


def test_text_that_is_not_unicode_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="text is not valid Unicode") as raised:
        compile_expression('as == "\udc80"', VOCABULARY)
    assert raised.value.column == 8
    assert raised.value.expression == 'as == "?"'


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "as" + ")" * 5000,
        "!" * 5000 + "ab",
        "- " * 5000 + "ai",
        "toLower(" * 3000 + "as" + ")" * 3000,
        "as" + '["k"]' * 4000,
        "as" + '.startsWith("k")' * 1500,
        "ar[" * 5000 + '"k"' + "]" * 5000,
        "conditional(ab, as, " * 1000 + "as" + ")" * 1000,
        "ab && (" * 3000 + "ab" + ")" * 3000,
        "(" * 30000,
        "as | (" * 2000,
    ],
)
def test_nesting_beyond_all_use_is_refused(text: str) -> None:
    with pytest.raises(LimitError, match="nested deeper than 64 levels"):
        compile_expression(text, VOCABULARY)


def test_a_text_beyond_all_use_is_refused_and_not_repeated_in_full() -> None:
    with pytest.raises(LimitError, match="longer than 32768 characters") as raised:
        compile_expression("as == " + '"x"' * MAX_LENGTH, VOCABULARY)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(" * (MAX_DEPTH - 1) + "ab" + ")" * (MAX_DEPTH - 1), True),
        ("!" * (MAX_DEPTH - 2) + "ab", True),
        ("conditional(!ab, as, " * 60 + '"z"' + ")" * 60, "z"),
        ("as + " + "conditional(!ab, as, " * 60 + '"z"' + ")" * 60, "xz"),
        ("ab && (!ab || " * 30 + "ab" + ")" * 30, True),
        ("as | (" * 60 + "bs" + ")" * 60, "x"),
        (" || ".join(f'as == "n{number}"' for number in range(1500)) + " || ab", True),
        (" && ".join(["ab"] * 4000), True),
        (" | ".join(["bs"] * 3000) + ' | "d"', "d"),
        (" + ".join(["as"] * 4000), "x" * 4000),
        (" == ".join(["ab"] * 3001), True),
        ("(" + " && ".join(["ab"] * 1500) + ") == ab || as == bs", True),
        ("as | bs + as | bs + as", "xxx"),
        (" + ".join(f'(ar["n{number}"] | "-")' for number in range(1200)), "-" * 1200),
    ],
)
def test_long_chains_and_deep_nesting_within_bounds_work(text: str, value: Value) -> None:
    bag = RecordedAttributes({"ab": True, "as": "x"})
    assert compile_expression(text, VOCABULARY).evaluate(bag) == value
