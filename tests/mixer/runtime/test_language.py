"""Rules and instances in CEL: `spec.language`."""

from __future__ import annotations

import sys

import pytest

from .stage import Stage

NAMESPACE = {("context.reporter.kind", None, "ABSENCE"), ("destination.namespace", None, "ABSENCE")}
POLICY = """
kind: scripted
metadata: {name: h}
spec: {code: 7}
---
kind: instance
metadata: {name: i}
spec:
  language: cel
  compiledTemplate: listentry
  params: {value: 'has(request.headers.host) ? request.headers.host : "none"'}
---
kind: rule
metadata: {name: r}
spec:
  language: cel
  match: "'x-team' in request.headers && request.headers['x-team'] in ['blue', 'green'] || request.size > 5"
  actions: [{handler: h.scripted, instances: [i]}]
"""


def refused(**headers: str) -> dict[str, dict[str, str]]:
    return {"request.headers": {name.replace("_", "-"): value for name, value in headers.items()}}


def test_a_rule_in_cel_applies_by_its_condition() -> None:
    stage = Stage()
    assert stage.configure(POLICY) == []
    assert stage.check(refused(x_team="blue"))["code"] == 7
    assert stage.check(refused(x_team="red"))["code"] == 0
    assert stage.check({"request.size": 9})["code"] == 7


def test_the_references_of_a_condition_in_cel_are_what_was_looked_at() -> None:
    stage = Stage()
    stage.configure(POLICY)
    assert stage.references(refused(x_team="red") | {"request.size": 1}) == {
        *NAMESPACE,
        ("request.headers", "x-team", "EXACT"),
        ("request.size", None, "EXACT"),
    }
    assert stage.references(refused(x_team="blue", host="a")) == {
        *NAMESPACE,
        ("request.headers", "x-team", "EXACT"),
        ("request.headers", "host", "EXACT"),
    }
    assert stage.references({"request.size": 9}) == {
        *NAMESPACE,
        ("request.headers", None, "ABSENCE"),
        ("request.size", None, "EXACT"),
    }


def test_an_instance_in_cel_has_its_values() -> None:
    stage = Stage()
    stage.configure(POLICY)
    stage.check(refused(x_team="blue", host="a.example"))
    stage.check(refused(x_team="green"))
    values = [instance.value for instance in stage.handler("h.scripted.istio-system").checks]  # type: ignore[attr-defined]
    assert values == ["a.example", "none"]


def test_a_condition_that_fails_leaves_the_rule_out() -> None:
    stage = Stage()
    stage.configure(POLICY)
    assert stage.check({})["code"] == 0
    assert stage.count("condition_failures_total") == 1


def test_header_values_and_the_outputs_of_a_generator_may_be_in_cel() -> None:
    stage = Stage()
    text = """
kind: scripted
metadata: {name: h}
spec: {output: {source_namespace: prod}}
---
kind: instance
metadata: {name: i}
spec:
  language: cel
  compiledTemplate: kubernetes
  attributeBindings:
    source.namespace: 'has($out.source_namespace) ? $out.source_namespace : "default"'
    source.name: 'has($out.source_pod_name) ? $out.source_pod_name : "unknown"'
---
kind: rule
metadata: {name: g}
spec: {actions: [{handler: h.scripted, instances: [i]}]}
---
kind: rule
metadata: {name: r}
spec:
  language: cel
  requestHeaderOperations: [{name: x-from, values: ["source.namespace + '/' + source.name"]}]
"""
    assert stage.configure(text) == []
    directive = stage.check({})["directive"]
    assert directive == {"request_header_operations": [{"name": "x-from", "value": "prod/unknown"}]}


def test_many_rules_in_cel_are_found_by_their_literals() -> None:
    stage = Stage()
    rule = """
---
kind: rule
metadata: {name: r%d}
spec:
  language: cel
  match: has(request.headers.team) && "t%d" == request.headers["team"] && request.size > 1
  actions: [{handler: h.scripted, instances: [i]}]
"""
    policy = POLICY.partition("---\nkind: rule")[0] + "".join(rule % (number, number) for number in range(50))
    assert stage.configure(policy) == []
    assert stage.check({"request.headers": {"team": "t7"}, "request.size": 5})["code"] == 7
    assert stage.check({"request.headers": {"team": "t7"}, "request.size": 1})["code"] == 0
    assert stage.references({"request.headers": {"team": "other"}}) == {
        *NAMESPACE,
        ("request.headers", "team", "EXACT"),
    }
    assert stage.references({}) == {*NAMESPACE, ("request.headers", None, "ABSENCE")}
    assert stage.count("condition_failures_total") == 0


def test_records_are_grouped_by_what_an_expression_in_cel_may_read() -> None:
    stage = Stage()
    stage.configure(POLICY.replace("compiledTemplate: listentry", "compiledTemplate: metric"))
    assert stage.report(*[refused(x_team="blue", host=name) for name in ("a", "a", "b")]) == ""
    (report,) = stage.handler("h.scripted.istio-system").reports
    assert [instance.value for instance in report] == ["a", "a", "b"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("request.size > 5", "request.size > 5.0", "spec.match: "),
        ("request.size > 5", "request.sise > 5", "unknown attribute request.sise; did you mean request.size?"),
        (
            "request.headers.host :",
            "request.headers :",
            "both results of '?:' have one type, not STRING_MAP and STRING",
        ),
        ("language: cel\n  match", "language: go\n  match", 'spec.language: "go" is not one of the known values'),
    ],
)
def test_faults_in_cel_are_told_with_their_place(old: str, new: str, fault: str) -> None:
    stage = Stage()
    faults = stage.configure(POLICY.replace(old, new))
    assert fault in faults[0]


def test_a_resource_that_asks_for_the_cel_of_istio_is_not_read_as_something_else() -> None:
    stage = Stage()
    annotated = "{name: r, annotations: {policy.istio.io/lang: CEL}}"
    (fault,) = stage.configure(POLICY.replace("{name: r}", annotated))
    assert "metadata.annotations" in fault
    assert '"CEL" is not a language of this Mixer' in fault
    assert not stage.snapshot.compiled.rules
    annotated = "{name: i, annotations: {policy.istio.io/lang: COMPAT}}"
    assert '"COMPAT" is not a language of this Mixer' in stage.configure(POLICY.replace("{name: i}", annotated))[0]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mizzen.mixer.expr.cel", None)
    faults = Stage().configure(POLICY.replace("blue", "blue-without-the-extra").replace('"none"', '"no extra"'))
    assert any("CEL needs the package cel-python: pip install 'mizzen[cel]'" in fault for fault in faults)
