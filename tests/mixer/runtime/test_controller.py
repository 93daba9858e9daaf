from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mizzen.config import ConfigError, FileStore
from mizzen.mixer.adapters import Environment
from mizzen.mixer.runtime import Controller, Dispatcher, RuntimeMetrics, Snapshot

from .stage import INVENTORY, ScriptedAdapter

RULE = "{kind: rule, metadata: {name: r}, spec: {request_header_operations: [{name: %s, operation: REMOVE}]}}\n"


def controller(directory: Path) -> tuple[Controller, Dispatcher, RuntimeMetrics]:
    metrics = RuntimeMetrics()
    dispatcher = Dispatcher(Snapshot(), metrics)
    return Controller(FileStore(directory), dispatcher, metrics, INVENTORY), dispatcher, metrics


def test_the_generation_changes_with_the_resources_only(tmp_path: Path) -> None:
    found, _, _ = controller(tmp_path)
    file = tmp_path / "a.yaml"
    file.write_text(RULE % "a")
    found.load()
    first = found.generation
    file.write_text("# a comment\n" + RULE % "a")
    found.load()
    assert found.generation == first
    (tmp_path / "b.yaml").write_text("[")
    found.load()
    assert found.generation == first
    file.write_text(RULE % "b")
    found.load()
    assert found.generation != first


def test_two_processes_have_different_generations(tmp_path: Path) -> None:
    assert controller(tmp_path)[0].generation != controller(tmp_path)[0].generation


def test_a_fault_is_logged_once_and_counted_as_long_as_it_is_there(tmp_path: Path) -> None:
    found, _, metrics = controller(tmp_path)
    file = tmp_path / "a.yaml"
    file.write_text(RULE % "a" + "---\n{kind: rule, metadata: {name: s}, spec: {mtch: x}}")
    with capture_logs() as logs:
        found.load()
        file.write_text(RULE % "b" + "---\n{kind: rule, metadata: {name: s}, spec: {mtch: x}}")
        found.load()
    faults = [entry for entry in logs if entry["log_level"] == "error"]
    assert len(faults) == 1
    assert faults[0] == {
        "event": "configuration error",
        "log_level": "error",
        "at": f"{file}:3:42",
        "resource": "s.rule.istio-system",
        "field": "spec.mtch",
        "reason": "is not a known field",
        "accepted": "did you mean match?",
    }
    assert metrics.registry.get_sample_value("mizzen_mixer_config_errors") == 1
    file.write_text(RULE % "b")
    found.load()
    assert metrics.registry.get_sample_value("mizzen_mixer_config_errors") == 0


def test_the_description_tells_every_resource_with_its_status(tmp_path: Path) -> None:
    found, _, _ = controller(tmp_path)
    file = tmp_path / "a.yaml"
    handler = "{kind: denier, metadata: {name: h}, spec: {%s}}\n---\n"
    rest = (
        "{kind: checknothing, metadata: {name: n}}\n---\n"
        "{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.denier, instances: [n.checknothing]}]}}\n---\n"
        "{kind: rule, metadata: {name: s}, spec: {x: 1}}\n"
    )
    file.write_text(handler % "" + rest)
    found.load()
    file.write_text(handler % "x: 1" + rest)
    found.load()
    description = json.loads(json.dumps(found.describe()))
    assert {entry["key"]: entry["status"] for entry in description["resources"]} == {
        "h.denier.istio-system": "kept",
        "n.checknothing.istio-system": "in force",
        "r.rule.istio-system": "in force",
        "s.rule.istio-system": "faulty",
    }
    assert description["handlers"] == [
        {
            "name": "h.denier.istio-system",
            "adapter": "denier",
            "instances": ["n.checknothing.istio-system"],
            "kept": False,
            "quarantined": False,
        }
    ]
    assert len(description["errors"]) == 2


async def test_changes_of_the_files_are_followed(tmp_path: Path) -> None:
    found, dispatcher, _ = controller(tmp_path)
    file = tmp_path / "a.yaml"
    file.write_text(RULE % "a")
    found.load()
    following = asyncio.ensure_future(found.follow())
    try:
        await asyncio.sleep(0.3)
        file.write_text(RULE % "b")
        async with asyncio.timeout(5):
            while dispatcher.snapshot.number == 0:
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
    (rule,) = dispatcher.snapshot.compiled.rules.values()
    assert rule.request_header_operations[0].name == "b"


def test_a_directory_that_cannot_be_read_is_an_error_of_load(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        controller(tmp_path / "nothing")[0].load()


HANDLER = """\
{kind: scripted, metadata: {name: h}}
---
{kind: checknothing, metadata: {name: n}}
---
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.scripted, instances: [n.checknothing]}]}}
"""


def test_another_class_of_an_adapter_replaces_its_handlers_and_no_others(tmp_path: Path) -> None:
    found, dispatcher, _ = controller(tmp_path)
    (tmp_path / "a.yaml").write_text(HANDLER)
    found.load()
    before = dispatcher.snapshot.handlers["h.scripted.istio-system"]
    found.change_inventory(INVENTORY)
    assert dispatcher.snapshot.handlers["h.scripted.istio-system"] is before

    class Another(ScriptedAdapter):
        pass

    found.change_inventory(replace(INVENTORY, adapters={**INVENTORY.adapters, "scripted": Another}))
    assert type(dispatcher.snapshot.handlers["h.scripted.istio-system"].adapter) is Another


def test_a_class_that_cannot_be_built_leaves_the_last_good_handler(tmp_path: Path) -> None:
    found, dispatcher, _ = controller(tmp_path)
    (tmp_path / "a.yaml").write_text(HANDLER)
    found.load()
    before = dispatcher.snapshot.handlers["h.scripted.istio-system"]

    class Broken(ScriptedAdapter):
        def __init__(self, params: Any, environment: Environment) -> None:
            raise RuntimeError("not today")

    found.change_inventory(replace(INVENTORY, adapters={**INVENTORY.adapters, "scripted": Broken}))
    assert dispatcher.snapshot.handlers["h.scripted.istio-system"] is before
    assert [error.reason for error in found.errors] == ["handler cannot be built: not today"]


def test_faults_of_adapters_are_among_the_faults_of_the_configuration(tmp_path: Path) -> None:
    found, _, metrics = controller(tmp_path)
    found.change_inventory(INVENTORY, [ConfigError("cannot be loaded", resource="x.py")])
    found.load()
    assert list(map(str, found.errors)) == ["x.py: cannot be loaded"]
    assert metrics.registry.get_sample_value("mizzen_mixer_config_errors") == 1


async def test_a_state_that_cannot_be_applied_leaves_the_last_one_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, dispatcher, metrics = controller(tmp_path)
    file = tmp_path / "a.yaml"
    file.write_text(RULE % "a")
    found.load()
    in_force, build = dispatcher.snapshot, Snapshot.build

    def refuse(*_: object, **__: object) -> Snapshot:
        monkeypatch.setattr(Snapshot, "build", build)
        raise MemoryError("too much")

    monkeypatch.setattr(Snapshot, "build", refuse)
    following = asyncio.ensure_future(found.follow())
    try:
        with capture_logs() as logs:
            file.write_text(RULE % "b")
            await _until(lambda: metrics.registry.get_sample_value("mizzen_mixer_config_reload_failures_total") == 1)
        assert "cannot be applied" in logs[0]["event"]
        assert dispatcher.snapshot is in_force
        file.write_text(RULE % "c")
        await _until(lambda: dispatcher.snapshot is not in_force)
    finally:
        following.cancel()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)
