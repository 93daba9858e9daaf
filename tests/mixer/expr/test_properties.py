"""Properties over random expressions and bags: printing and parsing agree, and the generated code does what a plain
interpreter of the syntax tree does, references and errors included."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.mixer.expr import ExpressionError, LiteralArgumentError, RecordedAttributes, Value, compile_expression
from mizzen.mixer.expr.nodes import Node, canonical, source
from mizzen.mixer.expr.parser import parse

from .interpreter import Interpreter, run, type_of
from .trees import ANY_TREE, VOCABULARY, T, bags


@settings(deadline=None)
@given(ANY_TREE)
def test_a_printed_tree_parses_to_the_same_tree(tree: Node) -> None:
    assert parse(source(tree)) == tree
    assert canonical(parse(source(tree))) == canonical(tree)


@settings(max_examples=600, deadline=None)
@given(ANY_TREE, st.lists(bags(), min_size=1, max_size=6))
def test_generated_code_does_what_a_plain_interpreter_does(tree: Node, some: list[dict[str, Value]]) -> None:
    try:
        prepared = compile_expression(source(tree), VOCABULARY)
    except LiteralArgumentError:
        return
    kind = type_of(tree)
    assert prepared.type is kind
    for values in some:
        value, references = run(prepared.evaluate, kind, values)
        wanted, asked = run(lambda bag: Interpreter(bag).strict(tree), kind, values)
        if isinstance(wanted, tuple):
            assert value[0] == "error"
            assert wanted[1] in value[1]
        else:
            assert value == wanted
        assert references == asked


@pytest.mark.parametrize(
    "subject",
    [
        'as == "a"',
        '"k" == ar["k"]',
        '(bs | "a") == "a"',
        '(ar["k"] | "b") == "b"',
        "ai == 1",
        "ab == true",
        'ar["q"] == ""',
    ],
)
@settings(deadline=None)
@given(bags())
def test_an_equality_looks_up_what_the_expression_compares(subject: str, values: dict[str, Value]) -> None:
    (equality,) = compile_expression(f"{subject} && (cb || bb)", VOCABULARY).equalities

    def look_up(bag: RecordedAttributes) -> bool:
        return equality.lookup(bag) == equality.literal

    alone = compile_expression(subject, VOCABULARY)
    assert run(look_up, T.BOOL, values) == run(alone.evaluate, T.BOOL, values)


WORDS = """
    as ar ab . [ ] ( ) , "k" 1 1.5 && || | == < + - ! match ip conditional startsWith type true 'x' ` // /* */ @ " \\ é
"""
SOUP = st.lists(st.sampled_from([*WORDS.split(), " ", "\n"]), max_size=25).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | SOUP, bags())
def test_any_text_gives_a_value_or_an_error_of_the_language(text: str, values: dict[str, Value]) -> None:
    error = error_of(text, values)
    if error is not None:
        assert error.expression == text
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text) + 1
        assert error.caret().endswith("^")


def error_of(text: str, values: Mapping[str, Value]) -> ExpressionError | None:
    try:
        compile_expression(text, VOCABULARY).evaluate(RecordedAttributes(values))
    except ExpressionError as error:
        return error
    return None
