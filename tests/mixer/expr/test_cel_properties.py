"""Properties of CEL: no text breaks it, and it computes what the library's own evaluator computes."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import celpy
import pytest
from celpy import celtypes
from celpy.evaluation import CELEvalError
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from mizzen.mixer.expr import (
    EvaluationError,
    ExpressionError,
    Language,
    LimitError,
    LiteralArgumentError,
    RecordedAttributes,
    Value,
    ValueType,
    Vocabulary,
    compile_expression,
)
from mizzen.mixer.expr.parser import MAX_DEPTH, MAX_LENGTH

TYPES = {"a": ValueType.INT64, "b": ValueType.BOOL, "s": ValueType.STRING, "m": ValueType.STRING_MAP}
VOCABULARY = Vocabulary(TYPES, Language.CEL)
NUMBERS = (0, 1, -1, 7, 2**63 - 1, -(2**63))
TEXTS = ("", "a", "b", "é", "10", "-3", "a.b")
BAGS = st.fixed_dictionaries(
    {
        "a": st.sampled_from(NUMBERS),
        "b": st.booleans(),
        "s": st.sampled_from(TEXTS),
        "m": st.dictionaries(st.sampled_from(TEXTS), st.sampled_from(TEXTS), max_size=3),
    }
)
SIGNS = ". , ( ) [ ] { } ? : ! - + * / % < <= == != && || in"
WORDS = f'a b s m {SIGNS} has all exists x "a" \'b\' """ r"\\" 1 1.5 0x1 1u null \n //'.split(" ")


def quoted(text: str) -> str:
    return f'"{text}"'


def numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner),
        st.builds("-({})".format, inner),
        st.builds("({} ? {} : {})".format, BOOLS, inner, inner),
    )


def bools(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||", "==", "!=", "<", "<="]), inner),
        st.builds("!({})".format, inner),
        st.builds("[{}, {}].exists(x, x == a)".format, NUMBER_LEAVES, NUMBER_LEAVES),
        st.builds("[{}, {}].all(x, x <= a)".format, NUMBER_LEAVES, NUMBER_LEAVES),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    )


NUMBER_LEAVES = st.one_of(st.just("a"), st.sampled_from(NUMBERS).map(str), st.just("int(s)"), st.just("size(s)"))
TEXT_LEAVES = st.one_of(
    st.just("s"), st.sampled_from(TEXTS).map(quoted), st.sampled_from(TEXTS[1:]).map('m["{}"]'.format)
)
BOOLS = st.recursive(
    st.one_of(
        st.sampled_from(["b", "true", "false"]),
        st.builds("({} {} {})".format, NUMBER_LEAVES, st.sampled_from(["==", "<", ">=", "!="]), NUMBER_LEAVES),
        st.builds("({} in m)".format, TEXT_LEAVES),
        st.builds("({} in [{}, {}])".format, TEXT_LEAVES, TEXT_LEAVES, TEXT_LEAVES),
        st.builds(
            "{}.{}({})".format, st.just("s"), st.sampled_from(["startsWith", "endsWith", "contains"]), TEXT_LEAVES
        ),
        st.just("has(m.a)"),
    ),
    bools,
    max_leaves=8,
)
EXPRESSIONS = st.one_of(BOOLS, st.recursive(NUMBER_LEAVES, numbers, max_leaves=8), TEXT_LEAVES)


@cache
def library() -> celpy.Environment:
    limit = sys.getrecursionlimit()
    made = celpy.Environment()
    sys.setrecursionlimit(limit)  # the library raised it, for all
    return made


def theirs(text: str, bag: dict[str, Any]) -> object:
    program = library().program(library().compile(text))
    given: dict[str, Any] = {
        "a": celtypes.IntType(bag["a"]),
        "b": celtypes.BoolType(bag["b"]),
        "s": celtypes.StringType(bag["s"]),
        "m": celtypes.MapType({celtypes.StringType(k): celtypes.StringType(v) for k, v in bag["m"].items()}),
    }
    try:
        found = program.evaluate(given)
    except CELEvalError:
        return "failed"
    return bool(found) if isinstance(found, celtypes.BoolType) else found


def ours(text: str, bag: dict[str, Value]) -> object:
    """Literals that fail are refused when the expression is prepared, which the library does not do."""
    try:
        return compile_expression(text, VOCABULARY).evaluate(RecordedAttributes(bag))
    except EvaluationError:
        return "failed"
    except LiteralArgumentError:
        reject()


@given(EXPRESSIONS, BAGS)
@settings(max_examples=400, deadline=None)
def test_values_are_those_of_the_library(text: str, bag: dict[str, Any]) -> None:
    assert ours(text, bag) == theirs(text, bag)


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    refused: ExpressionError | None = None
    try:
        compile_expression(text, VOCABULARY).evaluate(RecordedAttributes({"m": {}}))
    except ExpressionError as error:
        refused = error
    assert refused is None or 1 <= refused.line <= text.count("\n") + 1
    assert refused is None or 1 <= refused.column <= len(text) + 1


@pytest.mark.parametrize("operand", ["b", "a < 1", 's == "x"', 'm["k"] == "y"'])
@pytest.mark.parametrize("sign", [" && ", " || "])
def test_long_chains_are_evaluated(operand: str, sign: str) -> None:
    text = sign.join([operand] * 1000)
    bag: dict[str, Value] = {"a": 0, "b": True, "s": "x", "m": {"k": "y"}}
    assert compile_expression(text, VOCABULARY).evaluate(RecordedAttributes(bag)) is True


def test_sums_have_no_limit_but_their_length() -> None:
    assert compile_expression("+".join(["a"] * 3000), VOCABULARY).evaluate(RecordedAttributes({"a": 2})) == 6000


@pytest.mark.parametrize(
    "text",
    [
        "(" * (MAX_DEPTH + 1) + "b" + ")" * (MAX_DEPTH + 1),
        "!" * (MAX_DEPTH + 1) + "b",
        "b ? b : " * (MAX_DEPTH + 1) + "b",
        "b" + " " * MAX_LENGTH,
        "[1,2,3,4,5,6,7,8].all(x, " * 5 + "x > 0" + ")" * 5,
    ],
)
def test_what_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(LimitError):
        compile_expression(text, VOCABULARY)
