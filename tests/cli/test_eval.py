"""The command line of `mizzen eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mizzen.cli.main import app

ATTRIBUTES = """
source.name: reviews
request.size: 10
source.ip: 10.0.0.1
response.duration: 5ms
request.time: 2018-01-01T00:00:00Z
source.labels: {app: x}
"""


@pytest.fixture
def attributes(tmp_path: Path) -> Path:
    path = tmp_path / "attributes.yaml"
    path.write_text(ATTRIBUTES)
    return path


def run(*arguments: str | Path, stdin: str | None = None) -> Any:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)], input=stdin)


def test_value_type_and_references_are_printed(attributes: Path) -> None:
    result = run('source.labels["version"] | source.name', "--attributes", attributes)
    assert result.exit_code == 0
    assert result.stdout == (
        'value       "reviews"\n'
        "type        STRING\n"
        "referenced  source.labels[version] ABSENCE\n"
        "            source.name EXACT\n"
    )


def test_the_same_as_json(attributes: Path) -> None:
    result = run("response.duration", "-a", attributes, "-o", "json")
    assert json.loads(result.stdout) == {
        "value": "5ms",
        "type": "DURATION",
        "referenced": [{"name": "response.duration", "key": None, "condition": "EXACT"}],
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('source.ip == ip("10.0.0.1")', True),
        ("source.ip", "10.0.0.1"),
        ("request.time", "2018-01-01T00:00:00Z"),
        ("source.labels", {"app": "x"}),
        ("request.size + 1", 11),
    ],
)
def test_attributes_have_the_type_of_the_vocabulary(attributes: Path, expression: str, value: object) -> None:
    assert json.loads(run(expression, "-a", attributes, "-o", "json").stdout)["value"] == value


def test_attributes_are_read_from_standard_input() -> None:
    assert json.loads(run("source.name", "-a", "-", "-o", "json", stdin="source.name: x").stdout)["value"] == "x"


def test_an_expression_without_attributes_refers_to_nothing() -> None:
    assert run("1 + 1").stdout == "value       2\ntype        INT64\nreferenced  nothing\n"


def test_a_type_error_points_at_the_place() -> None:
    result = run("request.size == source.name")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "error: EQ($request.size, $source.name) arg 2 ($source.name) typeError got STRING, expected INT64\n"
        "  at       line 1, column 17\n"
        "\n"
        "request.size == source.name\n"
        "                ^^^^^^^^^^^\n"
    )


def test_a_failed_evaluation_shows_what_was_referenced(attributes: Path) -> None:
    result = run('request.size == 10 && request.host == "x"', "-a", attributes)
    assert result.exit_code == 1
    assert "error: lookup failed: 'request.host'" in result.stderr
    assert "referenced  request.size EXACT\n            request.host ABSENCE\n" in result.stderr


def test_an_error_as_json(attributes: Path) -> None:
    result = run("request.host", "-a", attributes, "-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == {
        "kind": "LookupFailedError",
        "message": "lookup failed: 'request.host'",
        "line": 1,
        "column": 1,
        "expression": "request.host",
        "referenced": [{"name": "request.host", "key": None, "condition": "ABSENCE"}],
    }


@pytest.mark.parametrize(
    "manifest",
    [
        "x.count: INT64",
        "kind: attributemanifest\nmetadata: {name: m}\nspec: {attributes: {x.count: {valueType: INT64}}}",
        "attributes: {x.count: {value_type: INT64, description: d}}",
        "a: STRING\n---\nx.count: INT64",
    ],
)
def test_a_manifest_adds_attributes(tmp_path: Path, manifest: str) -> None:
    types, values = tmp_path / "manifest.yaml", tmp_path / "values.yaml"
    types.write_text(manifest)
    values.write_text("x.count: 4")
    result = run("x.count + request.size | 0", "-m", types, "-a", values)
    assert result.exit_code == 1
    assert "lookup failed: 'request.size'" in result.stderr
    assert json.loads(run("x.count + (request.size | 2)", "-m", types, "-a", values, "-o", "json").stdout)["value"] == 6


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("request.size: big", ["request.size", '"big" is not a whole number of 64 bits', ":1:15", "INT64"]),
        ("\nrequest.sise: 1", ["request.sise", "is not a known attribute; did you mean request.size?", ":2:1"]),
        ("- a", ["is not a mapping", ":1:1"]),
        ("a: [", ["is not YAML"]),
        ("request.size: 1\nrequest.size: 2", ["is given twice", ":2:1"]),
    ],
)
def test_a_bad_attributes_file_is_refused_with_its_place(tmp_path: Path, text: str, complaints: list[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = run("true", "-a", path)
    assert result.exit_code == 1
    assert str(path) in result.stderr
    for complaint in complaints:
        assert complaint in result.stderr


def test_a_bad_manifest_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("spec:\n  attributes:\n    x: {valueType: TEXT}\n")
    result = run("true", "-m", path)
    assert result.exit_code == 1
    assert '"TEXT" is not a value type' in result.stderr
    assert f"{path}:3:20" in result.stderr
    assert "STRING, INT64" in result.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = run("true", "-a", tmp_path / "none.yaml", "-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["file"]["reason"] == "cannot be read: No such file or directory"


def test_an_expression_in_cel(attributes: Path) -> None:
    result = run("has(source.labels.app) && request.size in [10, 20]", "-l", "cel", "-a", attributes)
    assert result.exit_code == 0
    assert result.stdout == (
        "value       true\ntype        BOOL\nreferenced  source.labels[app] EXACT\n            request.size EXACT\n"
    )
    failed = run("source.labels.version == 'v1'", "--language", "cel", "-a", attributes)
    assert failed.exit_code == 1
    assert "no such key: 'version'" in failed.stderr
