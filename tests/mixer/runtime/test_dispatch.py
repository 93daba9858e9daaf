from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mizzen.config import parse_documents
from mizzen.mixer.runtime import CallError
from mizzen.wire import CheckCall, QuotaParams, encode_check_request

from .stage import Stage

_CASES = Path(__file__).parent / "cases_check.yaml"
_DOCUMENTS, _FAULTS = parse_documents(_CASES.read_text(), _CASES.name)
CASES: list[dict[str, Any]] = _DOCUMENTS[0].value

RULE = "{kind: rule, metadata: {name: %s}, spec: {match: '%s', actions: [{handler: %s, instances: [%s]}]}}\n---\n"


def test_the_cases_are_read_by_the_projects_own_parser() -> None:
    assert not _FAULTS


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_check_is_answered(case: dict[str, Any]) -> None:
    stage = Stage()
    assert stage.configure(case["config"]) == case.get("errors", [])
    for call in case["calls"]:
        assert stage.check(call.get("attributes", {})) == call["answer"]


def test_every_answer_refers_to_the_identity_even_without_rules() -> None:
    stage = Stage()
    assert stage.references({}) == {
        ("context.reporter.kind", None, "ABSENCE"),
        ("destination.namespace", None, "ABSENCE"),
    }
    assert stage.references({"context.reporter.kind": "outbound", "source.namespace": "n"}) == {
        ("context.reporter.kind", None, "EXACT"),
        ("source.namespace", None, "EXACT"),
    }


def test_an_answer_refers_to_what_conditions_and_values_asked() -> None:
    stage = Stage()
    stage.configure(
        RULE
        % ("a", 'request.headers["x"] == "1"', "h.scripted", "n.listentry")
        + "{kind: scripted, metadata: {name: h}, spec: {}}\n---\n"
        "{kind: listentry, metadata: {name: n}, spec: {value: source.name}}"
    )
    asked = stage.references({"request.headers": {"x": "1"}, "source.name": "s"})
    assert {reference[0] for reference in asked} == {
        "context.reporter.kind", "destination.namespace", "request.headers", "source.name",
    }  # fmt: skip
    assert "source.name" not in {reference[0] for reference in stage.references({"request.headers": {"x": "2"}})}


def test_what_fails_is_counted() -> None:
    stage = Stage()
    stage.configure(
        RULE % ("a", "request.size > 1", "h.scripted", "n.checknothing")
        + RULE % ("b", "", "f.scripted", "n.checknothing")
        + "{kind: scripted, metadata: {name: h}, spec: {}}\n---\n"
        "{kind: scripted, metadata: {name: f}, spec: {fails: gone}}\n---\n"
        "{kind: checknothing, metadata: {name: n}}"
    )
    stage.check({})
    assert stage.count("condition_failures_total") == 1
    assert stage.count("call_failures_total", method="Check", code="INTERNAL") == 1
    labels = {"mesh_function": "checknothing", "handler": "f.scripted.istio-system", "adapter": "scripted"}
    assert stage.count("runtime_dispatches_total", error="true", **labels) == 1


def test_a_checks_code_is_counted() -> None:
    stage = Stage()
    stage.check({})
    assert stage.count("checks_total", code="OK") == 1


QUOTA = "{kind: quota, metadata: {name: Requests}, spec: {dimensions: {source: 'source.name | \"?\"'}}}\n---\n"


def quota_stage(*handlers: str) -> Stage:
    stage = Stage()
    text = QUOTA
    for number, spec in enumerate(handlers):
        text += RULE % (f"r{number}", "", f"h{number}.scripted", "Requests.quota")
        text += f"{{kind: scripted, metadata: {{name: h{number}}}, spec: {spec}}}\n---\n"
    assert stage.configure(text) == []
    return stage


def granted(stage: Stage, name: str = "requests", amount: int = 5, attributes: Any = None) -> tuple[int, float, int]:
    response = stage.respond(attributes or {}, {name: QuotaParams(amount, True)}, "id-")
    found = response.quotas[name]
    return found.granted_amount, found.valid_duration.ToNanoseconds() / 1e9, found.status.code


def test_a_quota_is_found_by_its_short_name_whatever_the_case() -> None:
    stage = quota_stage("{amount: 3, valid_for: 2s}")
    assert granted(stage, "REQUESTS") == (3, 2.0, 0)
    instance, arguments = stage.handler("h0.scripted.istio-system").quotas[0]
    assert instance.name == "Requests.quota.istio-system"
    assert (arguments.amount, arguments.best_effort, arguments.deduplication_id) == (5, True, "id-REQUESTS")


def test_an_empty_request_id_stays_empty() -> None:
    stage = quota_stage("{}")
    stage.respond({}, {"requests": QuotaParams(1, False)})
    assert stage.handler("h0.scripted.istio-system").quotas[0][1].deduplication_id == ""


def test_the_strictest_of_several_grants_counts() -> None:
    assert granted(quota_stage("{amount: 3, valid_for: 9s}", "{amount: 2, valid_for: 20s}")) == (2, 9.0, 0)


def test_an_unknown_quota_is_granted_in_full_and_counted() -> None:
    stage = quota_stage("{}")
    assert granted(stage, "other") == (5, 60.0, 0)
    assert stage.count("quota_unknown_total") == 1


def test_a_quota_whose_rules_do_not_apply_is_granted_in_full() -> None:
    stage = Stage()
    stage.configure(
        QUOTA
        + RULE % ("r", 'source.name == "x"', "h.scripted", "Requests.quota")
        + "{kind: scripted, metadata: {name: h}, spec: {amount: 0}}"
    )
    assert granted(stage) == (5, 60.0, 0)
    assert stage.count("quota_unmatched_total") == 1
    assert granted(stage, attributes={"source.name": "x"}) == (0, 0.0, 0)


def test_a_rule_that_does_not_apply_never_hides_the_grant_of_another() -> None:
    stage = Stage()
    stage.configure(
        QUOTA
        + RULE % ("a", 'source.name == "x"', "h.scripted", "Requests.quota")
        + RULE % ("b", "", "h.scripted", "Requests.quota")
        + "{kind: scripted, metadata: {name: h}, spec: {amount: 1}}"
    )
    assert granted(stage)[0] == 1


def test_a_failing_quota_grants_nothing_and_the_call_succeeds() -> None:
    stage = quota_stage("{fails: gone}")
    assert granted(stage) == (0, 0.0, 0)
    assert stage.count("quota_failures_total") == 1


def test_the_references_of_a_quota_are_its_own() -> None:
    stage = quota_stage("{}")
    response = stage.respond({"source.name": "s"}, {"requests": QuotaParams(1, False)})
    own = response.quotas["requests"].referenced_attributes
    assert len(own.attribute_matches) == 3
    assert len(response.precondition.referenced_attributes.attribute_matches) == 2


def test_a_refused_request_takes_no_quota() -> None:
    stage = quota_stage("{}")
    text = QUOTA + RULE % ("q", "", "h.scripted", "Requests.quota") + RULE % ("d", "", "d.denier", "n.checknothing")
    stage.configure(
        text
        + "{kind: scripted, metadata: {name: h}, spec: {}}\n---\n{kind: denier, metadata: {name: d}, spec: {}}\n---\n"
        "{kind: checknothing, metadata: {name: n}}"
    )
    response = stage.respond({}, {"requests": QuotaParams(1, False)})
    assert response.precondition.status.code == 9
    assert not response.quotas
    assert not stage.handler("h.scripted.istio-system").quotas


METRIC = (
    "kind: metric\nmetadata: {name: m}\n"
    "spec: {value: request.size, dimensions: {source: 'source.name | \"?\"'}}\n---\n"
    "{kind: scripted, metadata: {name: h}, spec: {}}\n---\n"
)


def test_a_handler_gets_all_instances_of_a_report_at_once() -> None:
    stage = Stage()
    stage.configure(METRIC + RULE % ("r", 'source.name != "skip"', "h.scripted", "m.metric"))
    bags = [{"source.name": name, "request.size": size} for name, size in (("a", 1), ("skip", 2), ("b", 3))]
    assert stage.report(*bags) == ""
    (instances,) = stage.handler("h.scripted.istio-system").reports
    assert [(found.value, found.dimensions) for found in instances] == [  # type: ignore[attr-defined]
        (1, {"source": "a"}),
        (3, {"source": "b"}),
    ]
    assert stage.count("report_bags_total") == 3


def test_the_good_part_of_a_report_is_delivered_before_it_fails() -> None:
    stage = Stage()
    stage.configure(METRIC + RULE % ("r", "", "h.scripted", "m.metric"))
    failure = stage.report({"source.name": "a"}, {"request.size": 2})
    assert failure.startswith("UNKNOWN: evaluation failed at [m.metric.istio-system]'Value'")
    assert len(stage.handler("h.scripted.istio-system").reports[0]) == 1
    assert stage.count("instance_failures_total", variety="report") == 1


def test_a_handler_that_fails_keeps_no_other_from_its_report() -> None:
    stage = Stage()
    stage.configure(
        METRIC
        + RULE % ("a", "", "f.scripted", "m.metric")
        + RULE % ("b", "", "h.scripted", "m.metric")
        + "{kind: scripted, metadata: {name: f}, spec: {fails: full}}"
    )
    assert stage.report({"request.size": 1}) == "UNKNOWN: f.scripted.istio-system: full"
    assert stage.handler("h.scripted.istio-system").reports


def test_an_empty_report_is_fine() -> None:
    assert Stage().report() == ""


def test_generated_attributes_do_not_leak_into_the_next_bag() -> None:
    stage = Stage()
    stage.configure(
        "{kind: metric, metadata: {name: m}, spec: {value: '1', dimensions: {source: 'source.name | \"?\"'}}}\n---\n"
        "{kind: scripted, metadata: {name: h}, spec: {}}\n---\n"
        "{kind: scripted, metadata: {name: g}, spec: {output: {source_pod_name: pod}}}\n---\n"
        "kind: kubernetes\nmetadata: {name: k}\n"
        "spec: {attribute_bindings: {source.name: $out.source_pod_name}}\n---\n"
        + RULE % ("g", 'source.uid == "u"', "g.scripted", "k.kubernetes")
        + RULE % ("r", "", "h.scripted", "m.metric")
    )
    assert stage.report({"source.uid": "u"}, {"source.uid": "v"}) == ""
    (instances,) = stage.handler("h.scripted.istio-system").reports
    assert [found.dimensions["source"] for found in instances] == ["pod", "?"]  # type: ignore[attr-defined]


def test_a_call_without_decision_raises_and_leaves_no_reply() -> None:
    stage = Stage()
    stage.configure(
        RULE % ("b", "", "f.scripted", "n.checknothing")
        + "{kind: scripted, metadata: {name: f}, spec: {fails: gone}}\n---\n{kind: checknothing, metadata: {name: n}}"
    )
    call = CheckCall(encode_check_request({}))
    with pytest.raises(CallError, match="gone"):
        stage.dispatcher.check(call)
    assert not call.replied
