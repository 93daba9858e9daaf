from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from mizzen.cli.main import app

GOOD = "{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.denier, instances: [n.checknothing]}]}}\n"
REST = "{kind: denier, metadata: {name: h}}\n---\n{kind: checknothing, metadata: {name: n}}\n"


def test_files_and_directories_are_taken_together(tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text(GOOD)
    (tmp_path / "rest").mkdir()
    (tmp_path / "rest" / "a.yml").write_text(REST)
    found = CliRunner().invoke(app, ["validate", str(tmp_path / "rule.yaml"), str(tmp_path / "rest")])
    assert found.exit_code == 0
    assert found.stdout == "3 resources, no faults\n"


def test_faults_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text(GOOD)
    found = CliRunner().invoke(app, ["validate", str(file)])
    assert found.exit_code == 1
    assert found.stderr == (
        "error: spec.actions[0].handler: Handler not found: handler='h.denier'\n"
        f"  at       {file}:1:62\n"
        "  resource r.rule.istio-system\n"
        "  accepted a resource of that kind\n\n"
        "1 resource, 1 fault\n"
    )


def test_faults_are_told_to_programs_as_json(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("{kind: denier, metadata: {name: h}, spec: {status: {code: x}}}")
    found = CliRunner().invoke(app, ["validate", str(file), "--output", "json"])
    assert found.exit_code == 1
    result = json.loads(found.stdout)
    assert not result["valid"]
    assert result["errors"] == [
        {
            "file": str(file),
            "line": 1,
            "column": 59,
            "resource": "h.denier.istio-system",
            "field": "spec.status.code",
            "reason": "is not a status code",
            "accepted": result["errors"][0]["accepted"],
            "value": '"x"',
        }
    ]


def test_a_handler_is_checked_against_the_instances_it_gets(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "{kind: prometheus, metadata: {name: p}, spec: {metrics: []}}\n---\n"
        "{kind: metric, metadata: {name: m}, spec: {value: '1'}}\n---\n"
        "{kind: rule, metadata: {name: r}, spec: {actions: [{handler: p.prometheus, instances: [m.metric]}]}}\n"
    )
    found = CliRunner().invoke(app, ["validate", str(file)])
    assert found.exit_code == 1
    assert "m.metric.istio-system" in found.stderr


def test_a_handler_that_no_rule_uses_is_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("{kind: stdio, metadata: {name: h}, spec: {outputPath: /x}}")
    found = CliRunner().invoke(app, ["validate", str(file)])
    assert found.exit_code == 1
    assert "cannot specify an output path when using a STDOUT or STDERR log stream" in found.stderr


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["validate", str(tmp_path / "nothing.yaml")])
    assert found.exit_code == 1
    assert "nothing.yaml:1:1" in found.stderr


def test_standard_input_is_read_with_files(tmp_path: Path) -> None:
    (tmp_path / "rest.yaml").write_text(REST)
    found = CliRunner().invoke(app, ["validate", "-", str(tmp_path)], input=GOOD)
    assert (found.exit_code, found.stdout) == (0, "3 resources, no faults\n")
    found = CliRunner().invoke(app, ["validate", "-"], input="a: [")
    assert found.exit_code == 1
    assert "(standard input):2:1" in found.stderr
    found = CliRunner().invoke(app, ["validate", "-"], input=b"\xff")
    assert (found.exit_code, "is not UTF-8 at byte 0" in found.stderr) == (1, True)


def test_no_files_are_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["validate"]).exit_code == 2


def test_what_is_in_order_is_told_to_programs_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD + "---\n" + REST)
    found = CliRunner().invoke(app, ["validate", str(tmp_path), "-o", "json"])
    assert found.exit_code == 0
    assert json.loads(found.stdout) == {"valid": True, "resources": 3, "errors": []}
