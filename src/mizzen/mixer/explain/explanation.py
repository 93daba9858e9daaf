"""The record of an explained Check as JSON, and as the answer of the service `mizzen.mixer.v1.Explain`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from mizzen.mixer.adapters import CheckResult, Code, QuotaResult, Status
from mizzen.mixer.adapters.texts import json_value
from mizzen.mixer.explain.recorded import Answer, Call, Leaf
from mizzen.mixer.explain.recorder import Considered, Recorder
from mizzen.mixer.runtime.decisions import place
from mizzen.wire.pb.mizzen.mixer.v1 import explain_pb2


def explained_check(recorder: Recorder, failure: tuple[int, str] | None = None) -> bytes:
    """An encoded `ExplainedCheck`; `failure` is the gRPC status of a call that could not be decided."""
    explained = explain_pb2.ExplainedCheck()
    if failure is None:
        explained.response.MergeFromString(recorder.call.response())
    explained.explanation = json.dumps(explanation(recorder, failure), ensure_ascii=False)
    return explained.SerializeToString()


def explanation(recorder: Recorder, failure: tuple[int, str] | None = None) -> Mapping[str, Any]:
    """Everything that was written down, ready for JSON."""
    entry: dict[str, Any] = {
        "namespace": recorder.namespace,
        "rules": [_rule(rule) for rule in recorder.rules],
        "rules_left_out": recorder.rules_left_out,
        "calls": [_call(call) for call in recorder.calls],
    }
    if recorder.call.decision_id:
        entry["decision_id"] = recorder.call.decision_id
    if failure is not None:
        entry["error"] = _status(Status(*failure))
    return entry


def _rule(rule: Considered) -> Mapping[str, Any]:
    entry: dict[str, Any] = {"rule": rule.rule, "use": rule.use, "match": rule.match, "outcome": rule.outcome}
    entry["values"] = {place(name, key): json_value(value) for (name, key), value in rule.seen.items()}
    return entry | ({"error": rule.error} if rule.error else {})


def _call(call: Call) -> Mapping[str, Any]:
    entry: dict[str, Any] = {
        "rule": call.rule,
        "use": call.use,
        "handler": call.handler.name,
        "adapter": call.handler.adapter.name,
        "instance": call.instance,
        "template": call.template,
        "fields": [_field(leaf) for leaf in call.fields],
    }
    if call.arguments is not None:
        entry["asked"] = {"amount": call.arguments.amount, "best_effort": call.arguments.best_effort}
    if call.seconds is not None:
        entry["seconds"] = round(call.seconds, 6)
    answer, error = _settled(call)
    if error:
        entry["error"] = error
    if answer is not None:
        entry["answer"] = _answer(answer)
    return entry


def _settled(call: Call) -> tuple[Answer | None, str]:
    """The answer and the failure, one of them at most."""
    answer = call.answer
    if not isinstance(answer, Future):
        return answer, call.error
    if not answer.done():
        return None, "no answer yet"
    failure = answer.exception()
    return (None, str(failure)) if failure is not None else (answer.result(), "")


def _answer(answer: Answer) -> Mapping[str, Any]:
    if isinstance(answer, CheckResult):
        entry: dict[str, Any] = {
            "status": _status(answer.status),
            "valid_for": answer.valid_for,
            "uses": answer.uses,
        }
        if answer.direct_response is not None:
            direct = answer.direct_response
            entry["direct_response"] = {"code": direct.code, "headers": dict(direct.headers), "body": direct.body}
        return entry | ({"output": _values(answer.output.items())} if answer.output else {})
    if isinstance(answer, QuotaResult):
        return {"status": _status(answer.status), "granted": answer.amount, "valid_for": answer.valid_for}
    return {"output": _values(answer.items())}


def _field(leaf: Leaf) -> Mapping[str, Any]:
    outcome: Mapping[str, Any] = {"error": leaf.error} if leaf.error else {"value": json_value(leaf.value)}
    return {"field": leaf.field, "expression": leaf.expression, **outcome}


def _values(values: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
    return {name: json_value(value) for name, value in values}


def _status(status: Status) -> Mapping[str, Any]:
    code = int(status.code)
    name = Code(code).name if code in Code._value2member_map_ else str(code)
    return {"code": code, "name": name, "message": status.message}
