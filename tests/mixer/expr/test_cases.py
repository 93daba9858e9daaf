"""The data cases of the expression language: one YAML file per topic under cases/."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from mizzen.mixer import expr
from mizzen.mixer.expr import (
    EvaluationError,
    Expression,
    Language,
    RecordedAttributes,
    Reference,
    Value,
    ValueType,
    Vocabulary,
    compile_expression,
)
from mizzen.mixer.expr.texts import read_value
from mizzen.wire import CheckCall, encode_check_request
from mizzen.wire.pb.istio.mixer.v1.mixer_pb2 import CheckRequest

GIVEN = {"language", "name", "note", "expr", "bag", "expected"}
FIELDS = GIVEN | {"type", "value", "error", "text", "line", "column", "references"}
Case = Mapping[str, Any]


def prepare(case: Case, vocabulary: Vocabulary) -> Expression:
    expected = ValueType.from_name(case["expected"]) if "expected" in case else None
    language = Language.CEL if case["language"] == "cel" else Language.CEXL
    return compile_expression(case["expr"], vocabulary.spoken_in(language), expected)


def shown(references: list[Reference]) -> list[str]:
    return [f"{'' if one.present else '-'}{one.name}{'' if one.key is None else f'[{one.key}]'}" for one in references]


def same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def test_an_expression_gives_what_its_case_says(case: Case, vocabulary: Vocabulary, bag: RecordedAttributes) -> None:
    assert set(case) <= FIELDS
    assert ("value" in case) != ("error" in case)
    if "error" in case:
        check_error(case, vocabulary, bag)
        return
    prepared = prepare(case, vocabulary)
    value = prepared.evaluate(bag)
    assert "type" not in case or str(prepared.type) == case["type"]
    assert same(value, read_value(prepared.type, case["value"]))
    assert "references" not in case or shown(bag.references()) == case["references"]
    assert {reference.name for reference in bag.references()} <= prepared.attributes
    assert all(is_announced(reference, prepared) for reference in bag.references())


def is_announced(found: Reference, prepared: Expression) -> bool:
    """Whether the expression says beforehand that it may look there; of an absent map no key is looked up."""
    if (found.name, found.key) in prepared.reads or (found.name, None) in prepared.reads:
        return True
    return found.key is None and not found.present and found.name in prepared.attributes


def check_error(case: Case, vocabulary: Vocabulary, bag: RecordedAttributes) -> None:
    kind: type[expr.ExpressionError] = getattr(expr, case["error"])
    with pytest.raises(kind) as raised:
        prepare(case, vocabulary).evaluate(bag)
    error = raised.value
    assert type(error) is kind
    assert case["text"] in str(error)
    assert error.expression == case["expr"]
    assert case["expr"] in str(error)
    assert "column" not in case or error.column == case["column"]
    assert "line" not in case or error.line == case["line"]
    assert "references" not in case or shown(bag.references()) == case["references"]
    assert bag.marks == {} or isinstance(error, EvaluationError)


def test_a_check_call_of_the_wire_gives_the_same(case: Case, vocabulary: Vocabulary, values: dict[str, Value]) -> None:
    try:
        prepared = prepare(case, vocabulary)
    except expr.ExpressionError:
        return
    recorded, call = RecordedAttributes(values), CheckCall(encoded(values))
    outcomes = [outcome(prepared, recorded), outcome(prepared, call)]
    assert same(*outcomes)
    exact = {(one.name, one.key, "EXACT" if one.present else "ABSENCE") for one in recorded.references()}
    assert set(call.referenced()) == exact


def outcome(prepared: Expression, bag: RecordedAttributes | CheckCall) -> Value:
    try:
        return prepared.evaluate(bag)
    except EvaluationError as error:
        return str(error)


def encoded(values: Mapping[str, Value]) -> bytes:
    """A Check request with these attributes. Clients leave empty maps out, but the protocol allows them."""
    filled: dict[str, Any] = {name: value for name, value in values.items() if value != {}}
    request = CheckRequest.FromString(encode_check_request(filled))
    for name in values.keys() - filled.keys():
        request.attributes.words.append(name)
        request.attributes.string_maps[-len(request.attributes.words)].entries.clear()
    return request.SerializeToString()
