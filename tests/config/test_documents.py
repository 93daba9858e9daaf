from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.config.documents import parse_documents
from mizzen.config.paths import render_path

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases_documents.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_text_reads_as_its_documents_and_faults(case: dict[str, Any]) -> None:
    documents, errors = parse_documents(case["text"], "f")
    assert [document.value for document in documents] == case["value"]
    assert [str(error) for error in errors] == [f"f:{text}" for text in case.get("errors", [])]


def test_every_field_and_item_knows_its_line_and_column() -> None:
    (document,) = parse_documents("# head\nspec:\n  actions:\n  - handler: h\n    instances: [a, b]\n", "f")[0]
    assert str(document.position()) == "f:2:1"
    assert str(document.position(("spec", "actions", 0, "handler"))) == "f:4:14"
    assert str(document.position(("spec", "actions", 0, "instances", 1))) == "f:5:20"
    assert str(document.position(("spec", "actions"), key=True)) == "f:3:3"


def test_positions_count_through_the_documents_of_a_file() -> None:
    documents, _ = parse_documents("a: 1\n---\nb: 2\n", "f")
    assert str(documents[1].position(("b",))) == "f:3:4"


def test_a_path_that_is_not_written_has_the_position_of_its_parent() -> None:
    (document,) = parse_documents("spec:\n  a: 1\n", "f")[0]
    assert str(document.position(("spec", "b", "c"))) == "f:2:3"


def test_merged_fields_keep_the_position_where_they_were_written() -> None:
    (document,) = parse_documents("base: &b {x: 1}\nmore:\n  <<: *b\n", "f")[0]
    assert str(document.position(("more", "x"))) == "f:1:14"


def test_deep_nesting_is_refused() -> None:
    for depth in (100, 100_000):
        documents, errors = parse_documents("[" * depth + "]" * depth, "f")
        assert not documents
        assert "is nested too deeply" in str(errors[0])


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    documents, errors = parse_documents("\n".join(lines), "f")
    assert not documents
    assert "has too many nodes" in str(errors[0])


def test_paths_are_written_as_in_the_messages() -> None:
    assert render_path(("spec", "actions", 0, "handler")) == "spec.actions[0].handler"
    assert render_path(("spec", "attributes", "source.ip", "x")) == 'spec.attributes["source.ip"].x'


@given(st.text())
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    documents, errors = parse_documents(text, "f")
    assert all(document.value is not None for document in documents)
    assert all(error.line >= 1 and error.column >= 1 for error in errors)


@given(
    st.lists(
        st.sampled_from(
            ["a: ", "- ", "{", "}", "[", "]", "&x ", "*x", "<<: ", "---\n", "\n", "  ", "!t ", '"', "1", ",", "? "]
        )
    )
)
def test_no_sequence_of_yaml_signs_makes_the_parser_fail_otherwise(signs: list[str]) -> None:
    parse_documents("".join(signs), "f")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcdef", min_size=1), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcdef", min_size=1), _VALUES, min_size=1))
def test_what_json_wrote_reads_as_it_was(value: dict[str, object]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    documents, errors = parse_documents(text, "f")
    assert not errors
    assert [document.value for document in documents] == [value]
