from __future__ import annotations

import json
from typing import Any

import pytest
import structlog

from mizzen.mixer.runtime import RuntimeMetrics
from mizzen.mixer.runtime.decisions import Decisions, DecisionSettings, Refusal
from mizzen.mixer.runtime.failure import CallError
from mizzen.wire import CheckCall, QuotaParams, encode_check_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2

from .stage import Stage

RULE = "{kind: rule, metadata: {name: %s}, spec: {match: '%s', actions: [{handler: %s, instances: [%s]}]}}\n---\n"
CONFIG = (
    RULE % ("a", 'source.user == "bob"', "no.scripted", "n.checknothing")
    + RULE % ("b", "", "yes.scripted", "n.checknothing")
    + RULE % ("q", "", "none.scripted", "rq.quota")
    + "{kind: scripted, metadata: {name: no}, "
    "spec: {code: 7, message: bob is not wanted, valid_for: 2s, uses: 3}}\n---\n"
    "{kind: scripted, metadata: {name: yes}, spec: {}}\n---\n"
    "{kind: scripted, metadata: {name: none}, spec: {amount: 0}}\n---\n"
    "{kind: checknothing, metadata: {name: n}}\n---\n"
    "{kind: quota, metadata: {name: rq}}"
)


def stage_with(settings: DecisionSettings) -> Stage:
    stage = Stage()
    stage.dispatcher.decisions = Decisions(settings, stage.metrics, now=lambda: 1_000_000_000, process="p")
    stage.configure(CONFIG)
    return stage


def check(stage: Stage, attributes: dict[str, Any], **quotas: int) -> CheckCall:
    wanted = {name: QuotaParams(amount) for name, amount in quotas.items()}
    call = CheckCall(encode_check_request(attributes, quotas=wanted))
    stage.dispatcher.check(call)
    return call


def refusal(identity: str, text: str = "") -> Refusal:
    return Refusal(identity, 0, 0, "", 7, text, 0.0, 0, (), (), (), ())


def test_a_refusal_is_kept_with_names_and_without_values() -> None:
    stage = stage_with(DecisionSettings())
    call = check(stage, {"source.user": "bob"})
    assert call.decision_id == "p-1"
    found = stage.dispatcher.decisions.get("p-1")
    assert found is not None
    assert "bob is" not in json.dumps(found)
    assert found == {
        "id": "p-1",
        "time": "1970-01-01T00:00:01Z",
        "snapshot": 0,
        "namespace": "",
        "status": {"code": 7, "name": "PERMISSION_DENIED"},
        "valid_for": 2.0,
        "uses": 3,
        "rules": ["a.rule.istio-system", "b.rule.istio-system"],
        "refused_by": [
            {
                "rule": "a.rule.istio-system",
                "match": 'source.user == "bob"',
                "handler": "no.scripted.istio-system",
                "instance": "n.checknothing.istio-system",
                "status": {"code": 7, "name": "PERMISSION_DENIED"},
            }
        ],
        "referenced": [
            {"name": "context.reporter.kind", "key": None, "condition": "ABSENCE"},
            {"name": "destination.namespace", "key": None, "condition": "ABSENCE"},
            {"name": "source.user", "key": None, "condition": "EXACT"},
        ],
    }


def test_values_and_texts_are_kept_when_that_was_asked_for() -> None:
    stage = stage_with(DecisionSettings(values=True))
    check(stage, {"source.user": "bob"})
    found = stage.dispatcher.decisions.get("p-1")
    assert found is not None
    assert found["values"] == {"source.user": "bob"}
    assert found["status"]["message"] == "no.scripted.istio-system:bob is not wanted"


def test_an_allowed_check_has_no_id() -> None:
    stage = stage_with(DecisionSettings())
    assert check(stage, {"source.user": "eve"}).decision_id is None
    assert stage.dispatcher.decisions.latest()["kept"] == 0


def test_a_quota_that_grants_nothing_is_a_refusal() -> None:
    stage = stage_with(DecisionSettings())
    call = check(stage, {"source.user": "eve"}, rq=1)
    found = stage.dispatcher.decisions.get(call.decision_id or "")
    assert found is not None
    assert (found["status"]["name"], found["refused_quotas"]) == ("RESOURCE_EXHAUSTED", ["rq"])


def test_without_entries_there_are_no_ids() -> None:
    stage = stage_with(DecisionSettings(entries=0))
    assert check(stage, {"source.user": "bob"}).decision_id is None


def test_the_oldest_make_room_and_are_counted() -> None:
    metrics = RuntimeMetrics()
    decisions = Decisions(DecisionSettings(entries=2), metrics, process="p")
    for number in range(5):
        decisions.add(refusal(f"p-{number}"))
    assert [entry["id"] for entry in decisions.latest()["decisions"]] == ["p-4", "p-3"]
    assert decisions.get("p-2") is None
    assert metrics.registry.get_sample_value("mizzen_mixer_decisions_evicted_total") == 3
    assert metrics.registry.get_sample_value("mizzen_mixer_decisions_kept") == 2


def test_the_bytes_of_all_are_bounded() -> None:
    metrics = RuntimeMetrics()
    decisions = Decisions(DecisionSettings(entries=100, bytes=5000), metrics, process="p")
    for number in range(50):
        decisions.add(refusal(f"p-{number}", "x" * 1000))
    assert decisions.latest()["kept"] == 3


def test_a_request_with_many_long_attributes_takes_bounded_space() -> None:
    stage = stage_with(DecisionSettings(values=True))
    stage.configure(CONFIG.replace('source.user == "bob"', 'request.headers["%s"] != "y"' % ("k" * 5000)))
    check(stage, {"request.headers": {"k" * 5000: "v" * 100_000}})
    found = stage.dispatcher.decisions.get("p-1")
    assert found is not None
    assert len(json.dumps(found["referenced"]) + json.dumps(found["values"])) < 3000


def failed_check(stage: Stage) -> CheckCall:
    stage.configure(CONFIG.replace("{kind: scripted, metadata: {name: yes}, spec: {}}", FAILING))
    call = CheckCall(encode_check_request({"source.user": "eve"}))
    with pytest.raises(CallError):
        stage.dispatcher.check(call)
    return call


FAILING = "{kind: scripted, metadata: {name: yes}, spec: {fails: eve has no account}}"


def test_a_check_that_fails_is_kept_with_what_failed_and_without_values() -> None:
    stage = stage_with(DecisionSettings())
    assert failed_check(stage).decision_id == "p-1"
    assert stage.dispatcher.decisions.get("p-1") == {
        "id": "p-1",
        "time": "1970-01-01T00:00:01Z",
        "snapshot": 1,
        "namespace": "",
        "failed": True,
        "status": {"code": 13, "name": "INTERNAL"},
        "failed_by": ["yes.scripted.istio-system"],
    }


def test_the_text_of_a_failure_is_kept_when_that_was_asked_for() -> None:
    stage = stage_with(DecisionSettings(values=True))
    failed_check(stage)
    found = stage.dispatcher.decisions.get("p-1")
    assert found is not None
    assert "eve has no account" in found["status"]["message"]


def test_a_failure_is_logged_with_its_id() -> None:
    with structlog.testing.capture_logs() as logs:
        failed_check(stage_with(DecisionSettings()))
    assert [entry["decision"] for entry in logs if entry["event"] == "call failed"] == ["p-1"]


def test_failures_do_not_push_out_refusals_and_are_listed_with_them() -> None:
    times = iter(range(10))
    decisions = Decisions(DecisionSettings(entries=2), RuntimeMetrics(), now=lambda: next(times), process="p")
    decisions.add(refusal("r"))
    assert [decisions.failed(14, "overloaded") for _ in range(4)] == ["p-1", "p-2", "p-3", "p-4"]
    latest = decisions.latest()
    assert [entry["id"] for entry in latest["decisions"]] == ["p-4", "p-3", "r"]
    assert latest["kept"] == 3
    assert Decisions(DecisionSettings(entries=0), RuntimeMetrics()).failed(14, "overloaded") is None


def test_ids_differ() -> None:
    decisions = Decisions(DecisionSettings(), RuntimeMetrics())
    assert len({decisions.next_id() for _ in range(1000)}) == 1000
    assert Decisions(DecisionSettings(), RuntimeMetrics()).next_id() != decisions.next_id()


def test_a_refusal_is_logged_without_values_and_not_each_time() -> None:
    with structlog.testing.capture_logs() as logs:
        stage = stage_with(DecisionSettings())
        for _ in range(3):
            check(stage, {"source.user": "bob"})
    refused = [entry for entry in logs if entry["event"] == "request refused"]
    assert refused == [
        {
            "event": "request refused",
            "log_level": "info",
            "decision": "p-1",
            "code": "PERMISSION_DENIED",
            "handlers": "no.scripted.istio-system",
            "rules": "a.rule.istio-system",
        }
    ]


def directive(stage: Stage, attributes: dict[str, Any]) -> mixer_pb2.RouteDirective:
    response = mixer_pb2.CheckResponse.FromString(check(stage, attributes).response())
    found: mixer_pb2.RouteDirective = response.precondition.route_directive
    return found


def test_the_refused_client_can_be_told_the_id() -> None:
    stage = stage_with(DecisionSettings(header="x-decision-id"))
    found = directive(stage, {"source.user": "bob"})
    assert (found.direct_response_code, found.direct_response_body) == (
        403,
        "PERMISSION_DENIED:no.scripted.istio-system:bob is not wanted",
    )
    headers = {(operation.name, operation.value) for operation in found.response_header_operations}
    assert headers == {("x-decision-id", "p-1")}
    assert not directive(stage, {"source.user": "eve"}).response_header_operations


def test_an_http_answer_of_a_handler_gets_the_id_besides_its_own_headers() -> None:
    stage = stage_with(DecisionSettings(header="x-decision-id"))
    stage.configure(CONFIG.replace("valid_for: 2s", "direct_code: 302, direct_headers: {location: /}, direct_body: go"))
    found = directive(stage, {"source.user": "bob"})
    assert (found.direct_response_code, found.direct_response_body) == (302, "go")
    assert [operation.name for operation in found.response_header_operations] == ["location", "x-decision-id"]


def test_without_the_setting_the_answer_is_as_it_was() -> None:
    stage = stage_with(DecisionSettings())
    response = mixer_pb2.CheckResponse.FromString(check(stage, {"source.user": "bob"}).response())
    assert not response.precondition.HasField("route_directive")
