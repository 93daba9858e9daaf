from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from typer.main import get_command

from mizzen.cli.main import app
from mizzen.mixer.schema import resource_schema

from .command import mizzen

ROOT = Path(__file__).parents[2]
VERBS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
SLOW = (
    "google.protobuf",
    "grpc",
    "httpx",
    "mizzen.config",
    "mizzen.mixer.expr",
    "mizzen.wire",
    "prometheus_client",
    "pydantic",
)


def test_the_help_loads_nothing_that_takes_time() -> None:
    code = f"import sys, mizzen.cli.main; print([name for name in {SLOW!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented_on_one_page(verb: str) -> None:
    assert f"## mizzen {verb}" in (ROOT / "docs/cli.md").read_text()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    found = mizzen(verb, "--help")
    assert found.returncode == 0
    assert found.stdout.startswith(f"Usage: root {verb} ") or f" {verb} " in found.stdout.splitlines()[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_completion_can_be_had(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    found = mizzen("--show-completion", shell)
    assert found.returncode == 0
    assert "_MIZZEN_COMPLETE" in found.stdout or "_ROOT_COMPLETE" in found.stdout


def test_the_shell_completes_verbs() -> None:
    script = Path(sys.executable).with_name("mizzen")
    environment = {"_MIZZEN_COMPLETE": "complete_bash", "COMP_WORDS": "mizzen de", "COMP_CWORD": "1", "PATH": ""}
    found = subprocess.run([script], capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert found.stdout.split() == ["demo", "describe"]


def test_the_schema_is_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    assert mizzen("schema", "--output", str(file)).returncode == 0
    assert json.loads(file.read_text()) == resource_schema()


def test_the_schema_of_one_kind_is_printed() -> None:
    found = mizzen("schema", "rule")
    schema = json.loads(found.stdout)
    Draft7Validator.check_schema(schema)
    assert schema["then"]["properties"]["kind"] == {"enum": ["rule"]}


def test_what_has_no_schema_is_told(tmp_path: Path) -> None:
    found = mizzen("schema", "ruler")
    assert found.returncode == 2
    assert found.stderr.startswith("mizzen schema: 'ruler'; accepted: rule, handler, ")
    found = mizzen("schema", "--adapter-dir", str(tmp_path / "none"))
    assert (found.returncode, "is not a directory" in found.stderr) == (2, True)
    found = mizzen("schema", "-o", str(tmp_path))
    assert (found.returncode, "cannot be written" in found.stderr) == (1, True)
