from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mizzen.mixer.adapters import AdapterError
from mizzen.sdk import Code
from mizzen.testing import (
    AdapterRun,
    EchoBackend,
    EchoRequest,
    EchoResponse,
    LocalMixer,
    assert_allowed,
    assert_refused,
    unused_port,
)

from .load import EXAMPLES, adapter_of

FOLDER = EXAMPLES / "http-check"
HttpCheck = adapter_of(FOLDER / "adapters" / "http_check.py", "HttpCheck")


class Service:
    """Allows mia; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.status, self.broken = 200, False
        self.server = EchoBackend(self.respond)
        self.url = f"http://{self.server.address}/check"

    def respond(self, request: EchoRequest) -> EchoResponse:
        question = json.loads(request.body)
        self.asked.append(question)
        answer = {"allowed": question["user"] == "mia", "reason": "no badge"}
        return EchoResponse(self.status, body=b"what?" if self.broken else json.dumps(answer).encode())


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    with found.server:
        yield found


def badge(user: str) -> object:
    module = __import__("sys").modules[HttpCheck.__module__]
    return module.Badge("badge.instance.istio-system", user, "GET", "/")


def test_the_service_decides(service: Service) -> None:
    with AdapterRun(HttpCheck, {"url": service.url}) as run:
        assert_allowed(run.check(badge("mia")))  # type: ignore[arg-type]
        assert_refused(run.check(badge("eve")), Code.PERMISSION_DENIED, "no badge")  # type: ignore[arg-type]
    assert service.asked[0] == {"user": "mia", "method": "GET", "path": "/"}


def test_an_answer_is_remembered_for_its_time(service: Service) -> None:
    with AdapterRun(HttpCheck, {"url": service.url, "cacheFor": "30s"}) as run:
        for seconds in (0.0, 29.0, 2.0):
            run.advance(seconds)
            assert_allowed(run.check(badge("mia")))  # type: ignore[arg-type]
    assert len(service.asked) == 2


def test_the_memory_is_bounded_and_the_oldest_goes_first(service: Service) -> None:
    with AdapterRun(HttpCheck, {"url": service.url, "cacheEntries": 2}) as run:
        for user in ("a", "b", "a", "c", "a", "b"):
            run.check(badge(user))  # type: ignore[arg-type]
    assert [question["user"] for question in service.asked] == ["a", "b", "c", "b"]


@pytest.mark.parametrize("what", ["status", "answer"])
def test_a_service_that_does_not_answer_properly_is_a_failure_and_not_remembered(service: Service, what: str) -> None:
    service.status, service.broken = (500, False) if what == "status" else (200, True)
    with AdapterRun(HttpCheck, {"url": service.url}) as run:
        with pytest.raises(AdapterError, match="the service cannot be asked"):
            run.check(badge("mia"))  # type: ignore[arg-type]
        service.status, service.broken = 200, False
        assert_allowed(run.check(badge("mia")))  # type: ignore[arg-type]


def test_the_policies_work_in_a_mixer_and_fail_open_without_the_service(service: Service) -> None:
    text = (FOLDER / "policies" / "check.yaml").read_text()
    policies = text.replace("http://127.0.0.1:8181/check", service.url)
    with LocalMixer(policies, adapter_directories=[FOLDER / "adapters"]) as mixer:
        assert_allowed(mixer.check({"request.headers": {"x-user": "mia"}}))
        assert_refused(mixer.check({"request.headers": {"x-user": "eve"}}), Code.PERMISSION_DENIED, "no badge")
        mixer.save("policies.yaml", policies.replace(service.url, f"http://127.0.0.1:{unused_port()}/"))
        outcome = mixer.check({"request.headers": {"x-user": "eve"}})
        assert_allowed(outcome)
        assert outcome.valid_for == 1.0
        assert mixer.metric("mizzen_mixer_failures_passed_over_total", policy="FAIL_OPEN") == 1
