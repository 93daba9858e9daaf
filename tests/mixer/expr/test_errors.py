"""What errors tell about their place."""

from __future__ import annotations

import pytest

from mizzen.mixer.expr import BUILTIN, ExpressionError, ParseError, compile_expression


def error_of(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text, BUILTIN)
    return raised.value


def test_a_parse_error_reads_as_users_know_it() -> None:
    error = error_of("request.size ==")
    assert isinstance(error, ParseError)
    assert str(error) == (
        "unable to parse expression 'request.size ==': 1:16: expected an operand, found end of expression"
    )


def test_a_check_error_names_the_offending_part() -> None:
    error = error_of('request.size == "x"')
    assert error.message == 'EQ($request.size, "x") arg 2 ("x") typeError got STRING, expected INT64'
    assert str(error) == f"{error.message} (at 1:17 of expression 'request.size == \"x\"')"
    assert error.offending == '"x"'


def test_the_caret_stands_under_the_offending_part() -> None:
    assert error_of('true &&\n\trequest.size == "xyz"').caret() == '\trequest.size == "xyz"\n\t                ^^^^^'


def test_the_caret_of_the_end_stands_behind_the_text() -> None:
    assert error_of("request.size ==").caret() == "request.size ==\n               ^"


def test_a_part_that_spans_lines_is_marked_on_its_first_line() -> None:
    assert error_of("request.size &&\n  true").caret() == "request.size &&\n^^^^^^^^^^^^"
    assert error_of("-(1 +\n 2)").caret() == "-(1 +\n^^^^^"
