from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import model_validator

from mizzen.config import SpecModel, parse_documents
from mizzen.mixer.runtime.snapshot import InUse, Snapshot, close_replaced
from mizzen.mixer.templates import Problem

from .stage import INVENTORY, ScriptedAdapter, ScriptedParams, Stage

CASES: list[dict[str, Any]] = parse_documents((Path(__file__).parent / "cases_errors.yaml").read_text(), "f")[0][
    0
].value
_NAMES = {
    "ADAPTERS": ", ".join(sorted(INVENTORY.adapters)),
    "TEMPLATES": ", ".join(sorted(INVENTORY.templates)),
    "SCRIPTED": ", ".join(sorted(ScriptedAdapter.templates)),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_faults_are_found_with_their_place(case: dict[str, Any]) -> None:
    stage = Stage()
    found = stage.configure(case["config"])
    expected = case["errors"]
    for name, text in _NAMES.items():
        expected = [re.sub(rf"\b{name}$", text, error) for error in expected]
    assert found == expected
    if "in_force" in case:
        assert list(stage.snapshot.compiled.rules) == case["in_force"]


def policy(denier: str = "{status: {code: 7}}", match: str = "", value: str = "") -> str:
    """A rule that refuses by a list of one name."""
    return (
        f"{{kind: denier, metadata: {{name: d}}, spec: {denier}}}\n---\n"
        f"{{kind: listentry, metadata: {{name: i}}, spec: {{value: {value or 'source.name'}}}}}\n---\n"
        "kind: rule\nmetadata: {name: r}\n"
        f"spec: {{match: '{match}', actions: [{{handler: d.denier, instances: [i.listentry]}}]}}\n"
    )


CODE = {"source.name": "x"}


@pytest.mark.parametrize(
    "broken",
    [
        policy(denier="{statsu: {}}"),
        policy(match="source.nam"),
        policy(value="source.nam"),
        policy().replace("d.denier", "gone.denier"),
        policy().replace("name: r}", "name: r, nmae: x}"),
        policy().replace("kind: rule", "kind: [rule"),
    ],
)
def test_what_breaks_keeps_its_last_good_version(broken: str) -> None:
    stage = Stage()
    assert stage.configure(policy()) == []
    assert stage.configure(broken) != []
    assert stage.check(CODE)["code"] == 7
    assert len(stage.snapshot.compiled.kept) + len(stage.state.kept) == 1
    assert stage.configure(policy(denier="{status: {code: 16}}")) == []
    assert stage.check(CODE)["code"] == 16


def test_a_version_that_is_good_again_after_two_bad_ones_is_found() -> None:
    stage = Stage()
    stage.configure(policy())
    stage.configure(policy(denier="{a: 1}"))
    stage.configure(policy(denier="{b: 1}"))
    assert stage.check(CODE)["code"] == 7


def test_a_broken_resource_takes_no_other_down() -> None:
    stage = Stage()
    stage.configure(policy() + "---\n" + policy(match="nope").replace("name: r}", "name: s}").split("---\n")[2])
    assert stage.check(CODE)["code"] == 7
    assert stage.count("config_resources_left_out") == 1


class BrokenParams(SpecModel):
    """Its author forgot that a list may be empty."""

    names: tuple[str, ...] = ()

    @model_validator(mode="after")
    def look(self) -> Self:
        assert self.names[0]
        return self


def test_a_validator_that_breaks_takes_no_other_resource_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedAdapter, "Params", BrokenParams)
    stage = Stage()
    (fault,) = stage.configure(policy() + "---\n{kind: scripted, metadata: {name: x}, spec: {names: []}}")
    assert "x.scripted.istio-system: spec: cannot be read: IndexError: tuple index out of range" in fault
    assert stage.check(CODE)["code"] == 7


def test_a_deleted_resource_is_gone_even_while_another_is_broken() -> None:
    stage = Stage()
    stage.configure(policy())
    errors = stage.configure(
        "---\n".join(policy().split("---\n")[:2]) + "---\n{kind: rule, metadata: {name: s}, spec: {x: 1}}"
    )
    assert len(errors) == 1
    assert stage.check(CODE)["code"] == 0


SCRIPTED = (
    "{kind: scripted, metadata: {name: h}, spec: %s}\n---\n"
    "{kind: %s, metadata: {name: %s}, spec: %s}\n---\n"
    "{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.scripted, instances: [%s]}]}}\n"
)
KEY = "h.scripted.istio-system"


def scripted(params: str = "{}", kind: str = "listentry", name: str = "i", spec: str = "{value: source.name}") -> str:
    return SCRIPTED % (params, kind, name, spec, f"{name}.{kind}")


def test_a_handler_is_reused_while_adapter_parameters_and_types_are_the_same() -> None:
    stage = Stage()
    stage.configure(scripted())
    first = stage.handler(KEY)
    stage.configure(scripted(spec="{value: source.uid}") + "---\n{kind: checknothing, metadata: {name: z}}")
    assert stage.handler(KEY) is first
    assert first.closed == 0
    assert stage.count("handler_reused_handlers") == 1


@pytest.mark.parametrize(
    "changed", [scripted("{uses: 1}"), scripted(name="renamed"), scripted(spec="{value: request.size}")]
)
def test_a_handler_is_built_anew_when_parameters_instances_or_types_change(changed: str) -> None:
    stage = Stage()
    stage.configure(scripted())
    first = stage.handler(KEY)
    stage.configure(changed)
    assert stage.handler(KEY) is not first
    assert first.closed == 1
    assert stage.handler(KEY).environment.predecessor is first


@pytest.mark.parametrize("broken", ["{unbuildable: x}", "{invalid: x}"])
def test_a_handler_that_fails_to_build_leaves_its_predecessor_in_force(broken: str) -> None:
    stage = Stage()
    stage.configure(scripted("{code: 7}"))
    first = stage.handler(KEY)
    assert len(stage.configure(scripted(broken))) == 1
    assert stage.handler(KEY) is first
    assert first.closed == 0
    assert stage.snapshot.kept_handlers == {KEY}
    assert stage.check({"source.name": "x"})["code"] == 7
    assert stage.count("handler_kept_handlers") == 1
    assert stage.count("handler_build_failures_total") == 1


def test_a_handler_that_cannot_be_built_at_first_leaves_its_rule_without_it() -> None:
    stage = Stage()
    stage.configure(scripted("{unbuildable: x}"))
    assert stage.check({"source.name": "x"})["code"] == 0
    stage.configure(scripted("{code: 7}"))
    assert stage.check({"source.name": "x"})["code"] == 7


def test_handlers_that_no_rule_uses_are_not_built() -> None:
    stage = Stage()
    stage.configure("{kind: scripted, metadata: {name: h}, spec: {unbuildable: x}}")
    assert not stage.snapshot.handlers


def test_parameters_of_a_handler_that_no_rule_uses_are_checked_all_the_same() -> None:
    stage = Stage()
    (fault,) = stage.configure("{kind: listchecker, metadata: {name: h}, spec: {entryType: REGEX, overrides: ['(']}}")
    assert 'h.listchecker.istio-system: spec.overrides[0]: "(" is not a regular expression' in fault


def test_a_handler_that_no_rule_uses_is_checked_once_as_long_as_it_stays_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[str] = []

    def validate(params: ScriptedParams, instances: object) -> list[Problem]:
        checked.append(params.message)
        return [Problem(("message",), params.message, "is not wanted", "none")] if params.message == "b" else []

    monkeypatch.setattr(ScriptedAdapter, "validate", validate)
    stage = Stage()
    handler = "{kind: scripted, metadata: {name: h}, spec: {message: %s}}\n---\n"
    assert stage.configure(handler % "a") == []
    assert stage.configure(handler % "a" + policy()) == []
    assert checked == ["a"]
    assert len(stage.configure(handler % "b" + policy())) == 1
    assert len(stage.configure(handler % "b" + policy(match="true"))) == 1
    assert checked == ["a", "b"]


def test_a_handler_that_is_no_longer_used_is_closed() -> None:
    stage = Stage()
    stage.configure(scripted())
    first = stage.handler(KEY)
    stage.configure("")
    assert first.closed == 1
    assert stage.count("handler_closed_handlers_total") == 1


def test_handlers_are_closed_only_after_the_last_call_that_uses_them() -> None:
    stage = Stage()
    stage.configure(scripted())
    before = stage.snapshot
    before.users.enter()
    closing = threading.Thread(target=close_replaced, args=(before, Snapshot()))
    closing.start()
    assert stage.handler(KEY).closed == 0
    before.users.leave()
    closing.join(5)
    assert stage.handler(KEY).closed == 1


def test_waiting_for_calls_is_bounded() -> None:
    users = InUse()
    users.enter()
    assert not users.wait_until_idle(0.0)


def test_snapshots_are_numbered_from_zero() -> None:
    stage = Stage()
    assert stage.snapshot.number == -1
    stage.configure("")
    stage.configure("")
    assert stage.snapshot.number == 1


def test_a_manifest_extends_the_vocabulary() -> None:
    stage = Stage()
    text = (
        "{kind: attributemanifest, metadata: {name: m}, spec: {attributes: {my.own: {value_type: INT64}}}}\n---\n"
        "{kind: rule, metadata: {name: r}, spec: {match: my.own == 3, request_header_operations: "
        "[{name: a, operation: REMOVE}]}}"
    )
    assert stage.configure(text) == []
    assert "directive" in stage.check({"my.own": 3})
    assert "directive" not in stage.check({"my.own": 4})


def test_a_reload_compiles_only_the_conditions_that_changed() -> None:
    rule = "{{kind: rule, metadata: {{name: r{0}}}, spec: {{match: 'request.size == {1}', actions: [{2}]}}}}"
    action = "{handler: h.scripted, instances: [n.checknothing]}"
    others = ["{kind: scripted, metadata: {name: h}}", "{kind: checknothing, metadata: {name: n}}"]
    stage = Stage()
    sizes = list(range(20))
    assert stage.configure("\n---\n".join([*others, *(rule.format(n, n, action) for n in sizes)])) == []
    before = stage.snapshot.compiled.rules
    sizes[7] = 1000
    text = "\n---\n".join(
        ["# moves every line", *others, *(rule.format(n, size, action) for n, size in enumerate(sizes))]
    )
    assert stage.configure(text) == []
    after = stage.snapshot.compiled.rules
    assert [key for key in before if before[key].match is not after[key].match] == ["r7.rule.istio-system"]
