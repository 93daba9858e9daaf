from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from mizzen.cli.main import app

HELLO = """\
from mizzen.sdk import Adapter, CheckResult

class Hello(Adapter):
    name = "hello"
    templates = frozenset(["checknothing"])

    def check(self, instance):
        return CheckResult()
"""
POLICY = """\
{kind: hello, metadata: {name: h}, spec: {x: 1}}
---
{kind: checknothing, metadata: {name: n}}
---
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.hello, instances: [n.checknothing]}]}}
"""


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    folder = tmp_path / "adapters"
    folder.mkdir()
    (folder / "hello.py").write_text(HELLO)
    return folder


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace(", spec: {x: 1}", ""))
    return file


def test_policies_are_checked_with_the_adapters_of_a_folder(adapters: Path, policy: Path) -> None:
    found = CliRunner().invoke(app, ["validate", str(policy), "--adapter-dir", str(adapters)])
    assert (found.exit_code, found.stdout) == (0, "3 resources, no faults\n")
    assert CliRunner().invoke(app, ["validate", str(policy)]).exit_code == 1


def test_parameters_of_such_an_adapter_are_checked(adapters: Path, policy: Path) -> None:
    policy.write_text(POLICY)
    found = CliRunner().invoke(app, ["validate", str(policy), "--adapter-dir", str(adapters)])
    assert found.exit_code == 1
    assert "error: spec.x: is not a known field" in found.stderr


def test_an_adapter_that_cannot_be_loaded_is_a_fault_with_its_place(adapters: Path, policy: Path) -> None:
    (adapters / "broken.py").write_text("import json\njson.nothing\n")
    found = CliRunner().invoke(app, ["validate", str(policy), "--adapter-dir", str(adapters)])
    assert found.exit_code == 1
    assert f"at       {adapters}/broken.py:2:1" in found.stderr
    assert "AttributeError" in found.stderr


@pytest.mark.parametrize("verb", ["validate", "mixer"])
def test_a_folder_that_is_not_there_is_a_usage_error(verb: str, tmp_path: Path, policy: Path) -> None:
    target = [str(policy)] if verb == "validate" else ["--config-dir", str(tmp_path)]
    found = CliRunner().invoke(app, [verb, *target, "--adapter-dir", str(tmp_path / "none")])
    assert found.exit_code == 2
    assert "--adapter-dir" in found.stderr
    assert "none" in found.stderr
