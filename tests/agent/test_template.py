"""Placeholders, blocks and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizzen.agent.template import has_placeholders, read_text, render
from mizzen.config import ConfigError

VARIABLES = {"PORT": 9090, "BACKEND": "localhost:8080", "CLIENT_PORT": None}


def test_placeholders_are_substituted_wherever_they_occur() -> None:
    text = "url: tcp://${BACKEND}\n# ${PORT} and ${PORT}\n"
    assert render(text, "x.yaml", VARIABLES) == "url: tcp://localhost:8080\n# 9090 and 9090\n"


def test_quotes_and_angle_brackets_of_values_are_kept() -> None:
    assert render("${V}", "x.yaml", {"V": '{"a": "<&>"}'}) == '{"a": "<&>"}'


def test_blocks_leave_no_blank_lines() -> None:
    text = "a: 1\n{% if CLIENT_PORT is none %}\nb: 2\n{% endif %}\nc: 3\n"
    assert render(text, "x.yaml", VARIABLES) == "a: 1\nb: 2\nc: 3\n"


def test_braces_and_comment_signs_of_yaml_are_not_touched() -> None:
    text = "a: {b: {{c: 1}}}  # {# no comment #}\n"
    assert render(text, "x.yaml", VARIABLES) == text


def test_an_unknown_name_is_told_with_its_place_a_suggestion_and_all_names() -> None:
    with pytest.raises(ConfigError) as error:
        render("a: 1\nb: ${BACKENDS}\nc: ${ALSO_UNKNOWN}\n", "x.yaml", VARIABLES)
    assert str(error.value) == (
        "x.yaml:2:4: ${BACKENDS}: is not known (did you mean BACKEND?); accepted: BACKEND, CLIENT_PORT, PORT"
    )


def test_an_unknown_name_in_a_block_is_told_too() -> None:
    with pytest.raises(ConfigError, match=r"x.yaml:3:1: \$\{NOPE\}: is not known"):
        render("a: ${PORT}\n\n{% if NOPE %}b{% endif %}\n", "x.yaml", VARIABLES)


@pytest.mark.parametrize(
    ("text", "line"), [("a\n${PORT +}", 2), ("{% if PORT %}", 1), ("\n\n{% unknown %}", 3), ("a: ${}", 1)]
)
def test_what_is_no_template_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ConfigError) as error:
        render(text, "x.yaml", VARIABLES)
    assert error.value.line == line
    assert "is not a template" in str(error.value)


@pytest.mark.parametrize("text", ["${PORT / 0}", "${PORT + BACKEND}", "${().__class__.__mro__}", "${PORT.x}"])
def test_an_expression_that_fails_or_reaches_too_far_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml:1:1: cannot be rendered"):
        render(text, "x.yaml", VARIABLES)


@pytest.mark.parametrize(
    ("text", "expected"), [("a: ${X}", True), ("a: $X {b}", False), ('f: "%REQ(X)% {%A%}"', False)]
)
def test_only_the_dollar_form_makes_a_template(text: str, expected: bool) -> None:
    assert has_placeholders(text) is expected


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml:1:1: cannot be read: No such file"):
        read_text(tmp_path / "absent.yaml")


def test_a_file_that_is_not_text_is_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match=r"binary\.yaml:1:1: is not UTF-8 text .* byte 3"):
        read_text(path)
