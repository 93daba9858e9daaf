from __future__ import annotations

from pathlib import Path

import pytest

from mizzen.sdk import Code
from mizzen.testing import (
    FaultyConfigurationError,
    LocalMixer,
    Reference,
    assert_allowed,
    assert_failed,
    assert_refused,
)

POLICY = """\
{kind: denier, metadata: {name: h}, spec: {status: {code: 7, message: "no"}, valid_duration: 3s, valid_use_count: 4}}
---
{kind: checknothing, metadata: {name: n}}
---
kind: rule
metadata: {name: refuse}
spec: {match: source.name == "mallory", actions: [{handler: h.denier, instances: [n.checknothing]}]}
---
kind: rule
metadata: {name: mark}
spec: {request_header_operations: [{name: x-seen, values: ['"yes"']}, {name: x-no, operation: REMOVE}]}
---
kind: memquota
metadata: {name: q}
spec: {quotas: [{name: tokens.quota.istio-system, max_amount: 3, valid_duration: 60s}]}
---
{kind: quota, metadata: {name: tokens}, spec: {dimensions: {}}}
---
{kind: rule, metadata: {name: limit}, spec: {actions: [{handler: q.memquota, instances: [tokens.quota]}]}}
---
{kind: listentry, metadata: {name: fails}, spec: {value: source.uid}}
---
{kind: list, metadata: {name: l}, spec: {overrides: [x]}}
---
kind: rule
metadata: {name: fail}
spec: {match: source.name == "fail", actions: [{handler: l.list, instances: [fails.listentry]}]}
"""

HELLO = """\
from mizzen.sdk import Adapter, CheckResult, Code, Status

class Hello(Adapter):
    name = "hello"
    templates = frozenset(["checknothing"])

    async def check(self, instance):
        return CheckResult(Status(Code.ABORTED, "first"))
"""

HELLO_POLICY = """\
{kind: hello, metadata: {name: h}}
---
{kind: checknothing, metadata: {name: n}}
---
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.hello, instances: [n.checknothing]}]}}
"""


def test_a_check_tells_the_whole_answer() -> None:
    with LocalMixer(POLICY) as mixer:
        refused = mixer.check({"source.name": "mallory"})
        assert_refused(refused, Code.PERMISSION_DENIED, "no")
        assert (refused.valid_for, refused.uses) == (3.0, 4)
        assert Reference("source.name") in refused.references
        allowed = mixer.check({"source.name": "mia"}, {"tokens": 2})
        assert_allowed(allowed)
        assert allowed.request_headers == ["REPLACE x-seen: yes", "REMOVE x-no"]
        assert allowed.quotas["tokens"].amount == 2
        assert allowed.generation
        assert_failed(mixer.check({"source.name": "fail"}), "INTERNAL", "lookup failed")
        assert mixer.metric("mizzen_mixer_checks_total", code="OK") == 1


def test_a_saved_file_is_in_force() -> None:
    with LocalMixer(POLICY) as mixer:
        mixer.save("policies.yaml", POLICY.replace("code: 7", "code: 5"))
        assert_refused(mixer.check({"source.name": "mallory"}), Code.NOT_FOUND)
        mixer.save("more.yaml", "kind: nothing\nmetadata: {name: x}\n")
        assert len(mixer.faults) == 1


def test_faults_of_the_start_are_told() -> None:
    with (
        pytest.raises(FaultyConfigurationError, match=r'policies\.yaml:1:7: .*"nothing" is not a known kind'),
        LocalMixer("kind: nothing\nmetadata: {name: x}\n"),
    ):
        pass
    with LocalMixer("kind: nothing\nmetadata: {name: x}\n", allow_faults=True) as mixer:
        assert len(mixer.faults) == 1


def test_an_adapter_is_reloaded_and_a_broken_one_keeps_its_last_good_version(tmp_path: Path) -> None:
    file = tmp_path / "hello.py"
    file.write_text(HELLO)
    with LocalMixer(HELLO_POLICY, adapter_directories=[tmp_path]) as mixer:
        first = mixer.check({})
        assert_refused(first, Code.ABORTED, "first")
        mixer.save(file, HELLO.replace("first", "second"))
        second = mixer.check({})
        assert_refused(second, Code.ABORTED, "second")
        assert second.generation != first.generation
        mixer.save(file, "class Hello(:\n")
        assert_refused(mixer.check({}), Code.ABORTED, "second")
        assert "hello.py:1:13" in mixer.faults[0]
        assert mixer.metric("mizzen_mixer_extension_load_failures_total") == 1
        assert mixer.metric("mizzen_mixer_extension_modules_kept") == 1
        mixer.save(file, HELLO)
        assert_refused(mixer.check({}), Code.ABORTED, "first")
        assert mixer.faults == ()
        assert mixer.metric("mizzen_mixer_extension_modules_kept") == 0
