"""Texts stay texts; what Envoy makes of them is tested by `tests/e2e/test_odd_configuration.py`."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.agent.envoy_yaml import dump

# what yaml-cpp reads as a bool, a number or nothing when it stands unquoted
TAKEN = [
    "y",
    "N",
    "yes",
    "Off",
    "true",
    "null",
    "~",
    "",
    "1e3",
    "1E5",
    ".5",
    "5.",
    "-1",
    "+7",
    "0x1f",
    "010",
    ".inf",
    "nan",
    "inf",
]


@pytest.mark.parametrize("text", TAKEN)
def test_a_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert dump({"value": text}) == f'value: "{text}"\n'


@pytest.mark.parametrize(
    "text", ["envoy.filters.http.router", "STRICT_DNS", "/path/of_a-file.so", "type.googleapis.com/a.B"]
)
def test_usual_texts_stay_plain(text: str) -> None:
    assert dump({"value": text}) == f"value: {text}\n"


def test_a_long_text_stays_on_its_line() -> None:
    assert len(dump({"value": "word " * 500}).splitlines()) == 1


@given(
    st.dictionaries(
        st.text(), st.recursive(st.text() | st.integers() | st.booleans(), st.lists, max_leaves=5), max_size=5
    )
)
def test_what_is_written_reads_back(document: dict[str, object]) -> None:
    assert yaml.safe_load(dump(document)) == document


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_every_other_text_is_quoted(text: str) -> None:
    written = dump({"value": text}).removeprefix("value: ").removesuffix("\n")
    assert written.startswith('"') or re.fullmatch(r"[A-Za-z/_][\w./@~-]*", written, re.ASCII)
