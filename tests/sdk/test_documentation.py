"""The code of docs/adapter-sdk.md works as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mizzen.mixer.calling import Quarantine
from mizzen.mixer.extensions.modules import load_module
from mizzen.sdk import Code, Template
from mizzen.testing import LocalMixer, assert_allowed, assert_refused

PAGE = (Path(__file__).parents[2] / "docs" / "adapter-sdk.md").read_text(encoding="utf-8")
BLOCKS: dict[str, list[str]] = {
    language: re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for language in ("python", "yaml")
}
ADAPTER, BADGE, TESTS = BLOCKS["python"]
RULE = """\
---
{kind: listentry, metadata: {name: who}, spec: {value: source.name}}
---
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: grey, instances: [who.listentry]}]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("adapters", "policies"):
        (tmp_path / name).mkdir()
    (tmp_path / "adapters" / "greylist.py").write_text(ADAPTER)
    (tmp_path / "policies" / "grey.yaml").write_text(BLOCKS["yaml"][0] + RULE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_adapter_and_its_handler_work(folder: Path) -> None:
    with LocalMixer(folder / "policies", adapter_directories=[folder / "adapters"]) as mixer:
        assert_refused(mixer.check({"source.name": "eve"}), Code.PERMISSION_DENIED, "come back later")
        outcome = mixer.check({"source.name": "mia"})
        assert_allowed(outcome)
        assert (outcome.valid_for, outcome.uses) == (10.0, 100)


def test_the_tests_pass(folder: Path) -> None:
    loaded = load_module(folder / "adapters" / "greylist.py")
    names: dict[str, Any] = {"Path": Path, "Code": Code, "Greylist": loaded.objects[0].extension}
    exec(compile(TESTS, "docs/adapter-sdk.md", "exec"), names)  # noqa: S102 - the page is ours
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_the_template_is_one(tmp_path: Path) -> None:
    head = "from dataclasses import dataclass, field\nfrom typing import ClassVar\nfrom mizzen.sdk import *\n"
    (tmp_path / "badge.py").write_text(head + BADGE)
    loaded = load_module(tmp_path / "badge.py")
    assert loaded.error is None
    assert [type(one.extension) for one in loaded.objects] == [Template]


def test_the_defaults_are_those_of_the_code(folder: Path) -> None:
    limits = BLOCKS["yaml"][1].replace("params: {…}", "params: {names: [eve]}")
    (folder / "policies" / "grey.yaml").write_text(limits.replace("spec:", "metadata: {name: grey}\nspec:") + RULE)
    with LocalMixer(folder / "policies", adapter_directories=[folder / "adapters"]) as mixer:
        assert mixer.faults == ()
        handler = mixer.server.dispatcher.snapshot.handlers["grey.handler.istio-system"]
        config = handler.spec.config
        assert config.calls == type(config.calls)()
        assert config.quarantine == type(config.quarantine)()
        assert isinstance(handler._caller.quarantine, Quarantine)
