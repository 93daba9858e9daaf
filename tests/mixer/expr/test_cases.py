"""The data cases of the expression language: one YAML file per topic under cases/."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.mixer import expr
from mizzen.mixer.expr import RecordedAttributes, Reference, Value, ValueType, Vocabulary, compile_expression
from mizzen.mixer.expr.texts import read_value

HERE = Path(__file__).parent
FIELDS = {"name", "note", "expr", "bag", "expected", "type", "value", "error", "text", "line", "column", "references"}
Case = Mapping[str, Any]


def load(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 (a safe loader that leaves dates as texts)


class Loader(yaml.SafeLoader):
    """Reads times as texts."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

VOCABULARY = Vocabulary({name: ValueType.from_name(kind) for name, kind in load(HERE / "vocabulary.yaml").items()})
CASES = [
    pytest.param(case, id=f"{path.stem}-{case.get('name', number)}")
    for path in sorted((HERE / "cases").glob("*.yaml"))
    for number, case in enumerate(load(path), 1)
]


def attributes(case: Case) -> RecordedAttributes:
    bag: Mapping[str, Any] = case.get("bag", {})
    return RecordedAttributes({name: read_value(VOCABULARY[name], data) for name, data in bag.items()})


def shown(references: list[Reference]) -> list[str]:
    return [f"{'' if one.present else '-'}{one.name}{'' if one.key is None else f'[{one.key}]'}" for one in references]


def expected_type(case: Case) -> ValueType | None:
    return ValueType.from_name(case["expected"]) if "expected" in case else None


@pytest.mark.parametrize("case", CASES)
def test_an_expression_gives_what_its_case_says(case: Case) -> None:
    assert set(case) <= FIELDS
    assert ("value" in case) != ("error" in case)
    if "error" in case:
        check_error(case)
    else:
        check_value(case)


def check_value(case: Case) -> None:
    prepared = compile_expression(case["expr"], VOCABULARY, expected_type(case))
    bag = attributes(case)
    value = prepared.evaluate(bag)
    assert "type" not in case or str(prepared.type) == case["type"]
    assert same(value, read_value(prepared.type, case["value"]))
    assert "references" not in case or shown(bag.references()) == case["references"]


def same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def check_error(case: Case) -> None:
    kind: type[expr.ExpressionError] = getattr(expr, case["error"])
    bag = attributes(case)
    with pytest.raises(kind) as raised:
        compile_expression(case["expr"], VOCABULARY, expected_type(case)).evaluate(bag)
    error = raised.value
    assert type(error) is kind
    assert case["text"] in str(error)
    assert error.expression == case["expr"]
    assert "column" not in case or error.column == case["column"]
    assert "line" not in case or error.line == case["line"]
    assert "references" not in case or shown(bag.references()) == case["references"]
    assert bag.marks == {} or isinstance(error, expr.EvaluationError)
