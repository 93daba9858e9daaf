"""docs/adapters: every adapter is there, and the handlers shown are right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mizzen.mixer.adapters import ADAPTERS

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs/adapters"
INDEX = (FOLDER / "README.md").read_text()


def handlers() -> Iterator[tuple[str, str, str]]:
    """Page, adapter and parameters of every handler that is shown."""
    for page in sorted(FOLDER.glob("*.md")):
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
            for document in yaml.safe_load_all(block):
                if document["kind"] == "handler":
                    spec = document["spec"]
                    yield page.name, spec["compiledAdapter"], json.dumps(spec.get("params", {}))


@pytest.mark.parametrize("adapter", sorted({adapter.name for adapter in ADAPTERS.values()}))
def test_every_adapter_has_a_row_and_a_page(adapter: str) -> None:
    row = re.search(rf"^\| (\[{adapter}\]\({adapter}\.md\)|{adapter})[^|]*\| ([^|]+) \|", INDEX, re.MULTILINE)
    assert row
    assert set(row[2].split(", ")) == ADAPTERS[adapter].templates
    if row[1] != adapter:
        assert (FOLDER / f"{adapter}.md").read_text().startswith(f"# {adapter}\n")


@pytest.mark.parametrize(("page", "adapter", "params"), list(handlers()))
def test_the_parameters_of_every_handler_are_right(page: str, adapter: str, params: str) -> None:
    assert ADAPTERS[adapter].Params.model_validate_json(params), page


def test_the_opa_that_was_verified_is_that_of_the_tests() -> None:
    script = (ROOT / "tests/install-opa.sh").read_text()
    version = re.search(r"^version=(\S+)$", script, re.MULTILINE)
    assert version
    assert f"Verified with OPA {version[1]}." in (FOLDER / "opa.md").read_text()
