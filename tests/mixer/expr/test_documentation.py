"""The examples of docs/expressions.md hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.mixer.expr import BUILTIN, ExpressionError, Language, RecordedAttributes, compile_expression
from mizzen.mixer.expr.cel import functions as cel_functions
from mizzen.mixer.expr.functions import FUNCTIONS
from mizzen.mixer.expr.texts import read_value, show_value

PAGE = (Path(__file__).parents[3] / "docs" / "expressions.md").read_text("utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"^```expr\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)]


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 12


def test_the_page_names_every_function() -> None:
    assert [name for name in FUNCTIONS if name not in PAGE] == []
    cel = PAGE.partition("\n## CEL\n")[2]
    assert [name for name in (*cel_functions.FUNCTIONS, *cel_functions.METHODS) if name not in cel] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["expression"]))
def test_an_example_of_the_page_holds(example: Mapping[str, Any]) -> None:
    assert set(example) <= {"language", "expression", "attributes", "value", "type", "error", "column", "references"}
    words = BUILTIN.spoken_in(Language(example.get("language", "cexl")))
    bag = RecordedAttributes(
        {name: read_value(BUILTIN[name], data) for name, data in example.get("attributes", {}).items()}
    )
    if "error" in example:
        with pytest.raises(ExpressionError) as raised:
            compile_expression(example["expression"], words).evaluate(bag)
        assert example["error"] in raised.value.message
        assert raised.value.column == example["column"]
    else:
        prepared = compile_expression(example["expression"], words)
        assert show_value(prepared.evaluate(bag)) == example["value"]
        assert str(prepared.type) == example.get("type", str(prepared.type))
    assert "references" not in example or list(map(str, bag.references())) == example["references"]
