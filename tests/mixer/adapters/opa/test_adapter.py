"""opa's parameters, the question it asks, and servers that answer what OPA never would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs
from tests.mixer.adapters.opa.authorizations import ALLOWED, REFUSED, WITHOUT_DECISION, ask, failures
from tests.mixer.adapters.opa.conftest import Handlers

from mizzen.mixer.adapters import CheckResult
from mizzen.mixer.adapters.opa import OpaAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import Authorization


class Request(Protocol):
    path: str
    headers: dict[str, str]
    body: bytes


class Script(Protocol):
    url: str
    requests: list[Request]
    answer: Callable[[Request], Any]


class Answer:
    def __init__(self, body: Any = None, status: int = 200) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {"content-type": "application/json"}


def test_what_is_empty_is_left_out_of_the_question(http_script: Script, handlers: Handlers) -> None:
    http_script.answer = lambda request: Answer({"result": True})
    handlers(http_script.url).check(Authorization("i"))
    (request,) = http_script.requests
    assert request.path == "/v1/data/mixerauthz/allow"
    assert json.loads(request.body) == {"input": {"action": {}, "subject": {}}}


def test_a_path_of_the_server_stays_before_that_of_the_api(http_script: Script, handlers: Handlers) -> None:
    http_script.answer = lambda request: Answer({"result": True})
    assert ask(handlers(f"{http_script.url}/behind/", fail_close=True)).status == ALLOWED
    assert http_script.requests[0].path == "/behind/v1/data/mixerauthz/allow"


@pytest.mark.parametrize("fail_close", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        Answer([]),
        Answer(b"not json"),
        Answer(b"[" * 100_000),
        Answer({"result": True}, 500),
        Answer({"result": True}, 302),
        Answer(b'{"result": true}' + b" " * 2**20),
    ],
)
def test_an_answer_of_no_use_is_a_failure(
    http_script: Script, handlers: Handlers, answer: Answer, fail_close: bool
) -> None:
    http_script.answer = lambda request: answer
    handler = handlers(http_script.url, fail_close=fail_close)
    assert ask(handler) == CheckResult(REFUSED if fail_close else ALLOWED, *WITHOUT_DECISION)
    assert failures(handler) == 1


def test_a_list_of_policies_of_no_use_is_told_and_asked_for_again(
    http_script: Script, handlers: Handlers, bench: AdapterBench
) -> None:
    http_script.answer = lambda request: Answer({"result": [{"id": 1}]})
    with capture_logs() as logs:
        handlers(http_script.url, policy=["package a"])
        bench.run_tasks()
    assert [(line["event"], line["error"]) for line in logs] == [
        ("opa may lack the policies of the handler", "the list of policies is not as documented")
    ]
    assert len(http_script.requests) == 2


def test_decisions_may_be_cached_but_failures_only_for_a_moment(http_script: Script, handlers: Handlers) -> None:
    results = iter([{"result": True}, {"result": False}, {}])
    http_script.answer = lambda request: Answer(next(results))
    handler = handlers(http_script.url, fail_close=True, caching_interval="3s", caching_use_count=5)
    answers = [ask(handler) for _ in range(3)]
    assert [(answer.valid_for, answer.uses) for answer in answers] == [(3.0, 5), (3.0, 5), WITHOUT_DECISION]


def test_failures_are_logged_once_a_second(http_script: Script, handlers: Handlers, bench: AdapterBench) -> None:
    http_script.answer = lambda request: Answer({})
    handler = handlers(http_script.url)
    with capture_logs() as logs:
        for _ in range(3):
            ask(handler)
        bench.advance(1.0)
        ask(handler)
    assert [line["event"] for line in logs] == ["opa did not decide"] * 2
    assert failures(handler) == 4


def test_a_proxy_of_the_environment_is_not_used(
    http_script: Script, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    http_script.answer = lambda request: Answer({"result": True})
    assert ask(handlers(http_script.url, fail_close=True)).status == ALLOWED


def test_a_server_that_never_answers_is_given_up_in_time(http_script: Script, handlers: Handlers) -> None:
    def wait(request: Request) -> Answer:
        time.sleep(1.0)
        return Answer({"result": True})

    http_script.answer = wait
    handler = handlers(http_script.url, fail_close=True, timeout="50ms")
    start = time.monotonic()
    assert ask(handler).status == REFUSED
    assert time.monotonic() - start < 0.9


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"check_method": ""}, "is not the path of a rule"),
        ({"server_url": "localhost:8181"}, "is not the URL of a server"),
        ({"server_url": "http://u:p@h"}, "is not the URL of a server"),
        ({"server_url": "http://h:99999"}, "is not the URL of a server"),
        ({"policy": [""]}, "at least 1 character"),
        ({"timeout": "0s"}, "greater than or equal to"),
        ({"caching_use_count": -1}, "greater than or equal to 0"),
        ({"tls": {"cert_file": "a"}}, "has one of cert_file and key_file"),
        ({"bundle": "b.tar.gz", "server_url": "http://h"}, "has bundle and server_url"),
        ({"bundle": "b.tar.gz", "policy": ["package a"]}, "has bundle and policy"),
    ],
)
def test_wrong_params_are_refused(handlers: Handlers, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        handlers(**params)


def test_a_rule_must_be_named(bench: AdapterBench) -> None:
    with pytest.raises(ValidationError, match=r"checkMethod\n.*Field required"):
        bench.build(OpaAdapter)
