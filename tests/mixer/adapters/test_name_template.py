from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.name_template import TemplateError, parse_template

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cases_name_template.yaml").read_text())
VALUES = {"method": "GET", "code": "200", "source.app": "web"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["text"]))
def test_case(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(TemplateError, match=re.escape(case["error"])):
            parse_template(case["text"])
    else:
        assert parse_template(case["text"]).render(VALUES) == case["gives"]


def test_a_field_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="other"):
        parse_template("{{.method}}{{.other}}").render(VALUES)


def test_values_are_not_templates() -> None:
    assert parse_template("<{{.method}}>").render({"method": "{{.code}}"}) == "<{{.code}}>"


@given(st.lists(st.tuples(st.text("ab {}", max_size=5), st.sampled_from(["{{.f}}", '{{index . "f"}}', "{{- .f -}}"]))))
def test_whatever_the_text_it_parses_or_says_why(parts: list[tuple[str, str]]) -> None:
    text = "".join(literal + action for literal, action in parts)
    try:
        template = parse_template(text)
    except TemplateError:
        return
    assert set(template.fields) <= {"f"}
    assert len(template.texts) == len(template.fields) + 1
