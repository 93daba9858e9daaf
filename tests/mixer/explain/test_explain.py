"""What an explanation says, and that asking for one changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.mixer.runtime.stage import Stage

from mizzen.mixer.explain import Explainer
from mizzen.mixer.explain.recorder import MOST_OTHER_RULES
from mizzen.wire import CheckCall, QuotaParams, encode_check_request
from mizzen.wire.pb.mizzen.mixer.v1 import explain_pb2

RULE = "{kind: rule, metadata: {name: %s}, spec: {match: '%s', actions: [{handler: %s, instances: [%s]}]}}\n---\n"
PARTS = (
    "{kind: scripted, metadata: {name: no}, spec: {code: 7, message: not you, valid_for: 2s, uses: 3}}\n---\n"
    "{kind: scripted, metadata: {name: yes}, spec: {}}\n---\n"
    "{kind: scripted, metadata: {name: bad}, spec: {fails: gone}}\n---\n"
    "{kind: checknothing, metadata: {name: n}}\n---\n"
    "{kind: listentry, metadata: {name: who}, spec: {value: source.user}}\n---\n"
    "{kind: quota, metadata: {name: rq}, spec: {dimensions: {to: 'destination.name | \"none\"'}}}\n"
)


def explained(
    stage: Stage, attributes: Mapping[str, Any], quotas: Mapping[str, int] | None = None
) -> tuple[explain_pb2.ExplainedCheck, dict[str, Any]]:
    wanted = {name: QuotaParams(amount) for name, amount in (quotas or {}).items()}
    call = CheckCall(encode_check_request(attributes, quotas=wanted))
    ends: list[bytes | BaseException] = []
    Explainer(stage.dispatcher).explain(call, ends.append)
    assert len(ends) == 1
    assert isinstance(ends[0], bytes)
    answer = explain_pb2.ExplainedCheck.FromString(ends[0])
    found: dict[str, Any] = json.loads(answer.explanation)
    return answer, found


def test_rules_values_and_answers_are_told() -> None:
    stage = Stage()
    stage.configure(
        RULE % ("a", 'source.user == "bob" && request.size > 1', "no.scripted", "who.listentry")
        + RULE % ("b", 'request.headers["x"] == "1"', "yes.scripted", "n.checknothing")
        + RULE % ("c", "", "yes.scripted", "n.checknothing")
        + PARTS
    )
    answer, found = explained(stage, {"source.user": "bob", "request.size": 2, "request.headers": {"x": "2"}})
    assert answer.response.precondition.status.code == 7
    outcomes = {(rule["rule"], rule["outcome"]): rule["values"] for rule in found["rules"]}
    assert outcomes == {
        ("a.rule.istio-system", "matched"): {"source.user": "bob", "request.size": 2},
        ("b.rule.istio-system", "not_matched"): {'request.headers["x"]': "2"},
        ("c.rule.istio-system", "matched"): {},
    }
    first, second = found["calls"]
    assert first["handler"] == "no.scripted.istio-system"
    assert first["fields"] == [{"field": "Value", "expression": "source.user", "value": "bob"}]
    status = {"code": 7, "name": "PERMISSION_DENIED", "message": "not you"}
    assert first["answer"] == {"status": status, "valid_for": 2.0, "uses": 3}
    assert second["answer"]["status"]["code"] == 0
    assert first["seconds"] >= 0


def test_an_explained_check_answers_as_a_check_does() -> None:
    stage = Stage()
    config = (
        RULE % ("a", 'source.user == "bob"', "yes.scripted", "who.listentry")
        + RULE % ("b", 'request.headers["x"] == "1"', "no.scripted", "n.checknothing")
        + RULE % ("q", 'source.user == "bob"', "yes.scripted", "rq.quota")
        + PARTS
    )
    stage.configure(config)
    requests: list[dict[str, Any]] = [
        {"source.user": "bob", "destination.name": "d"},
        {"source.user": "eve", "request.headers": {"x": "1"}},
        {},
        {"request.headers": {}},
    ]
    for attributes in requests:
        plain = stage.respond(attributes, {"rq": QuotaParams(5)})
        answer, _ = explained(stage, attributes, {"rq": 5})
        assert answer.response == plain


def test_a_condition_and_a_field_that_fail_say_why() -> None:
    stage = Stage()
    stage.configure(
        RULE % ("a", "request.size > 1", "no.scripted", "n.checknothing")
        + RULE % ("b", "", "yes.scripted", "who.listentry")
        + PARTS
    )
    answer, found = explained(stage, {})
    assert not answer.HasField("response")
    rule = found["rules"][0]
    assert (rule["outcome"], rule["values"]) == ("failed", {"request.size": None})
    assert "lookup failed: 'request.size'" in rule["error"]
    (call,) = found["calls"]
    assert "lookup failed: 'source.user'" in call["fields"][0]["error"]
    assert "answer" not in call
    assert found["error"]["name"] == "INTERNAL"
    assert found["error"]["message"].startswith("performing check operation failed: evaluation failed at")


def test_a_handler_that_fails_says_why() -> None:
    stage = Stage()
    stage.configure(RULE % ("a", "", "bad.scripted", "n.checknothing") + PARTS)
    answer, found = explained(stage, {})
    assert not answer.HasField("response")
    assert found["calls"][0]["error"] == "bad.scripted.istio-system: gone"
    assert found["error"]["code"] == 13


def test_quotas_are_told_with_what_was_asked_and_granted() -> None:
    stage = Stage()
    stage.configure(RULE % ("q", "", "yes.scripted", "rq.quota") + PARTS)
    answer, found = explained(stage, {"destination.name": "d"}, {"rq": 5})
    assert answer.response.quotas["rq"].granted_amount == 5
    (call,) = found["calls"]
    assert (call["use"], call["asked"]) == ("quota rq", {"amount": 5, "best_effort": False})
    assert call["fields"] == [{"field": "Dimensions[to]", "expression": 'destination.name | "none"', "value": "d"}]
    assert call["answer"]["granted"] == 5


def test_generated_attributes_are_among_the_values() -> None:
    stage = Stage()
    stage.configure(
        RULE % ("g", "", "gen.scripted", "k.kubernetes")
        + RULE % ("a", 'source.name == "pod"', "no.scripted", "n.checknothing")
        + "{kind: scripted, metadata: {name: gen}, spec: {output: {source_pod_name: pod}}}\n---\n"
        "{kind: kubernetes, metadata: {name: k}, spec: {attribute_bindings: "
        "{source.name: $out.source_pod_name}}}\n---\n" + PARTS
    )
    answer, found = explained(stage, {})
    assert answer.response.precondition.status.code == 7
    by_rule = {rule["rule"]: rule for rule in found["rules"]}
    assert by_rule["a.rule.istio-system"]["values"] == {"source.name": "pod"}
    assert found["calls"][0]["answer"] == {"output": {"source_pod_name": "pod"}}


def test_many_rules_that_do_not_match_are_counted_and_not_listed() -> None:
    stage = Stage()
    rules = "".join(
        RULE % (f"r{number:03}", f'source.user == "u{number}"', "no.scripted", "n.checknothing") for number in range(90)
    )
    stage.configure(rules + PARTS)
    _, found = explained(stage, {"source.user": "u77"})
    assert found["rules_left_out"] == 89 - MOST_OTHER_RULES
    matched = [rule["rule"] for rule in found["rules"] if rule["outcome"] == "matched"]
    assert matched == ["r077.rule.istio-system"]


def test_a_refusal_has_its_id_in_the_explanation() -> None:
    stage = Stage()
    stage.configure(RULE % ("a", "", "no.scripted", "n.checknothing") + PARTS)
    _, found = explained(stage, {})
    kept = stage.dispatcher.decisions.get(found["decision_id"])
    assert kept is not None
    assert kept["rules"] == ["a.rule.istio-system"]
