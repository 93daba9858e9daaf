"""opa against a server that answers as OPA's REST API is documented to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from prometheus_client import generate_latest
from pydantic import ValidationError

from mizzen.mixer.adapters import AdapterError, CheckResult, Code, Status
from mizzen.mixer.adapters.opa import OpaAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.expr import Timestamp, Value
from mizzen.mixer.templates import Action, Authorization, Subject

REFUSED = Status(Code.PERMISSION_DENIED, "opa: request was rejected")
MODULE = 'package mixerauthz\nimport rego.v1\nallow if input.action.method == "GET"\n'


class Request(Protocol):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Script(Protocol):
    url: str
    requests: list[Request]
    answer: Callable[[Request], Any]

    def stop(self) -> None: ...


class Answer:
    def __init__(self, body: Any = None, status: int = 200) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {"content-type": "application/json"}


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def build(bench: AdapterBench, script: Script, **params: Any) -> OpaAdapter:
    return bench.build(OpaAdapter, {"server_url": script.url, "check_method": "data.mixerauthz.allow", **params})


def ask(handler: OpaAdapter, method: str = "GET") -> CheckResult:
    return handler.check(Authorization("i", Subject("ann"), Action(method=method)))


def failures(handler: OpaAdapter) -> float:
    assert handler.registry is not None
    lines = generate_latest(handler.registry).decode().splitlines()
    return float(next(line for line in lines if line.startswith("mizzen_opa_failures_total")).split()[-1])


@pytest.mark.parametrize(("result", "status"), [(True, Status()), (False, REFUSED)])
def test_the_rule_decides(bench: AdapterBench, http_script: Script, result: bool, status: Status) -> None:
    http_script.answer = lambda request: Answer({"result": result, "decision_id": "1"})
    handler = build(bench, http_script)
    assert ask(handler) == CheckResult(status)
    (request,) = http_script.requests
    assert (request.method, request.path) == ("POST", "/v1/data/mixerauthz/allow")
    assert failures(handler) == 0
    handler.close()


def test_the_input_has_what_is_not_empty(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer({"result": True})
    handler = build(bench, http_script)
    properties: dict[str, Value | None] = {
        "ip": bytes([10, 0, 0, 1]),
        "n": 7,
        "at": Timestamp(0),
        "labels": {"a": "b"},
        "none": None,
    }
    handler.check(Authorization("i", Subject("ann", "admins", properties), Action("shop", "cart", "", "/x")))
    handler.check(Authorization("i"))
    assert [json.loads(request.body) for request in http_script.requests] == [
        {
            "input": {
                "action": {"namespace": "shop", "service": "cart", "path": "/x"},
                "subject": {
                    "user": "ann",
                    "groups": ["admins"],
                    "properties": {
                        "ip": "10.0.0.1",
                        "n": 7,
                        "at": "1970-01-01T00:00:00.000000Z",
                        "labels": {"a": "b"},
                        "none": None,
                    },
                },
            }
        },
        {"input": {"action": {}, "subject": {}}},
    ]
    handler.close()


@pytest.mark.parametrize("fail_close", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        Answer({}),
        Answer({"result": "yes"}),
        Answer({"result": 1}),
        Answer([]),
        Answer(b"not json"),
        Answer({"code": "internal_error", "message": "eval error"}, 500),
        Answer(b'{"result": true}' + b" " * 2**20),
    ],
)
def test_what_is_no_decision_is_a_failure(
    bench: AdapterBench, http_script: Script, answer: Answer, fail_close: bool
) -> None:
    http_script.answer = lambda request: answer
    handler = build(bench, http_script, fail_close=fail_close)
    assert ask(handler) == CheckResult(REFUSED if fail_close else Status())
    assert failures(handler) == 1
    handler.close()


def test_a_server_that_is_away_is_a_failure(bench: AdapterBench) -> None:
    params = {"server_url": "http://127.0.0.1:1", "check_method": "data.a.b", "fail_close": True}
    handler = bench.build(OpaAdapter, params)
    assert ask(handler).status == REFUSED
    handler.close()


def test_decisions_may_be_cached_but_failures_are_not(bench: AdapterBench, http_script: Script) -> None:
    results = iter([{"result": True}, {"result": False}, {}])
    http_script.answer = lambda request: Answer(next(results))
    handler = build(bench, http_script, fail_close=True, caching_interval="3s", caching_use_count=5)
    answers = [ask(handler) for _ in range(3)]
    assert [(answer.valid_for, answer.uses) for answer in answers] == [(3.0, 5), (3.0, 5), (0.0, 0)]
    handler.close()


def test_policies_are_put_on_the_server_when_the_handler_is_built(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer({})
    handler = build(bench, http_script, policy=[MODULE, "package other"], bearer_token="secret")  # noqa: S106
    puts = [(request.method, request.path, request.body.decode()) for request in http_script.requests]
    assert puts == [
        ("PUT", "/v1/policies/mizzen%2Fhandler.test%2F0", MODULE),
        ("PUT", "/v1/policies/mizzen%2Fhandler.test%2F1", "package other"),
    ]
    assert http_script.requests[0].headers["authorization"] == "Bearer secret"
    bench.run_tasks()
    assert len(http_script.requests) == 2
    handler.close()
    assert bench.tasks[0].cancelled


def test_a_policy_that_does_not_compile_keeps_the_handler_from_being_built(
    bench: AdapterBench, http_script: Script
) -> None:
    fault = {"code": "rego_parse_error", "message": "unexpected eof token", "location": {"row": 3, "col": 1}}
    answer = {"code": "invalid_parameter", "message": "error(s) occurred", "errors": [fault]}
    http_script.answer = lambda request: Answer(answer, 400)
    message = r"^opa: policy is not valid: error\(s\) occurred; line 3: unexpected eof token$"
    with pytest.raises(AdapterError, match=message):
        build(bench, http_script, policy=[MODULE])
    assert bench.tasks == []


def test_a_server_that_was_away_or_lost_its_policies_gets_them_later(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer({}, 503)
    handler = build(bench, http_script, policy=[MODULE])
    http_script.requests.clear()
    http_script.answer = lambda request: Answer({})
    bench.run_tasks()
    assert [request.method for request in http_script.requests] == ["PUT"]
    ask(handler)  # undefined: the server was started again
    bench.run_tasks()
    bench.run_tasks()
    assert [request.method for request in http_script.requests] == ["PUT", "POST", "PUT"]
    handler.close()


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"check_method": ""}, "is not the path of a rule"),
        ({"check_method": "mixerauthz.allow"}, "is not the path of a rule"),
        ({"check_method": "data.a/../b"}, "is not the path of a rule"),
        ({}, "Field required"),
        ({"check_method": "data.a", "server_url": "localhost:8181"}, "is not the URL of a server"),
        ({"check_method": "data.a", "server_url": "http://u:p@h"}, "is not the URL of a server"),
        ({"check_method": "data.a", "server_url": "http://h:99999"}, "is not the URL of a server"),
        ({"check_method": "data.a", "policy": [""]}, "at least 1 character"),
        ({"check_method": "data.a", "timeout": "0s"}, "greater than 0"),
    ],
)
def test_wrong_params_are_refused(bench: AdapterBench, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        bench.build(OpaAdapter, params)
