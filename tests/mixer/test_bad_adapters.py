"""Adapters that hang, leave or dig too deep, loaded from a folder: calls that do not need them never notice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mizzen.testing import LocalMixer, assert_allowed, assert_failed

ADAPTERS = """\
import sys
import threading

from mizzen.sdk import Adapter, CheckResult

for_ever = threading.Event()

class BlocksItsLoop(Adapter):
    name = "blocks-its-loop"
    templates = frozenset(["checknothing"])

    async def check(self, instance):
        for_ever.wait(20)

class NeverReturns(Adapter):
    name = "never-returns"
    templates = frozenset(["checknothing"])

    def check(self, instance):
        for_ever.wait(20)

class Leaves(Adapter):
    name = "leaves"
    templates = frozenset(["checknothing"])
    blocking = False

    def check(self, instance):
        sys.exit(3)

class DigsTooDeep(Adapter):
    name = "digs-too-deep"
    templates = frozenset(["checknothing"])

    def check(self, instance):
        return self.check(instance)

class Good(Adapter):
    name = "good"
    templates = frozenset(["checknothing"])

    async def check(self, instance):
        return CheckResult(valid_for=1.0, uses=1)
"""
BAD = ("blocks-its-loop", "never-returns", "leaves", "digs-too-deep")
HANDLER = """\
---
{{kind: handler, metadata: {{name: {0}}}, spec: {{compiledAdapter: {0}, calls: {{timeout: 100ms}}}}}}
---
kind: rule
metadata: {{name: {0}}}
spec: {{match: source.name == "{0}", actions: [{{handler: {0}, instances: [n.checknothing]}}]}}
"""
POLICY = "{kind: checknothing, metadata: {name: n}}\n" + "".join(HANDLER.format(name) for name in (*BAD, "good"))


@pytest.fixture(scope="module")
def mixer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMixer]:
    folder: Path = tmp_path_factory.mktemp("adapters")
    (folder / "bad.py").write_text(ADAPTERS)
    with LocalMixer(POLICY, adapter_directories=[folder]) as found:
        yield found


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_adapter_ends_in_quarantine_and_others_go_on(mixer: LocalMixer, bad: str) -> None:
    def fail() -> None:
        for _ in range(5):
            assert_failed(mixer.check({"source.name": bad}), "INTERNAL", f"{bad}.istio-system: ")

    thread = threading.Thread(target=fail)
    thread.start()
    calls = 0
    while thread.is_alive():
        assert_allowed(mixer.check({"source.name": "good"}))
        calls += 1
    thread.join()
    assert calls
    assert_failed(mixer.check({"source.name": bad}), "INTERNAL", f"{bad}.istio-system: is in quarantine, after:")
    assert mixer.metric("mizzen_mixer_handler_quarantined", handler=f"{bad}.istio-system") == 1
