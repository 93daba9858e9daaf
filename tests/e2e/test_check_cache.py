"""Answers that may be reused are, for requests that agree in what the decision depends on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, Reference, send, wait_until
from mizzen.testing.answers import directive
from mizzen.testing.mixer import ReceivedCheck

PREFIX = "mizzen.http_mixer_filter."


def user(name: str) -> list[tuple[str, str]]:
    return [("x-user", name)]


def by_user(path: str, **more: Any) -> CheckAnswer:
    """Each test has a path of its own, so that no other test's answers apply."""
    references = [Reference("request.headers", "x-user"), Reference("request.path")]
    return CheckAnswer(uses=1000, valid_for=60, references=references, **more)


def test_an_answer_holds_for_requests_with_equal_values(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = by_user("/equal")
    for name in ("alice", "alice", "bob", "alice", "bob"):
        assert send(proxy.address, "/equal", headers=[*user(name), ("x-other", name * 2)]).status == 200
    asked = [check.attributes["request.headers"] for check in fresh_mixer.checks]
    assert [headers["x-user"] for headers in asked if isinstance(headers, Mapping)] == ["alice", "bob"]
    hits = [bag["check.cache_hit"] for bag in fresh_mixer.wait_for_reports(5)]
    assert sorted(hits) == [False, False, True, True, True]  # type: ignore[type-var]


def test_a_denial_and_its_directive_are_repeated(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    page = directive(response=[("APPEND", "x-page", "1")], code=451, body="not here")
    fresh_mixer.on_check = by_user("/repeated", code=7, directive=page)
    for _ in range(3):
        response = send(proxy.address, "/repeated", headers=user("eve"))
        assert (response.status, response.text, response.header("x-page")) == (451, "not here", "1")
    assert len(fresh_mixer.checks) == 1


def test_a_key_that_was_absent_must_stay_absent(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    absent = [Reference("request.headers", "x-token", "ABSENCE"), Reference("request.path")]
    fresh_mixer.on_check = CheckAnswer(uses=1000, valid_for=60, references=absent)
    assert send(proxy.address, "/absent").status == 200
    assert send(proxy.address, "/absent").status == 200
    assert len(fresh_mixer.checks) == 1
    fresh_mixer.on_check = CheckAnswer(16)
    assert send(proxy.address, "/absent", headers=[("x-token", "t")]).status == 401
    assert len(fresh_mixer.checks) == 2


def test_an_answer_is_used_only_so_often(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(uses=2, valid_for=60, references=[Reference("request.path")])
    for _ in range(6):
        assert send(proxy.address, "/twice").status == 200
    assert len(fresh_mixer.checks) == 2


def test_an_answer_is_used_only_so_long(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(uses=-1, valid_for=0.3, references=[Reference("request.path")])
    assert send(proxy.address, "/short").status == 200

    def asked_again() -> bool:
        assert send(proxy.address, "/short").status == 200
        return len(fresh_mixer.checks) == 2

    wait_until(asked_again, "the second Check")


def test_a_new_configuration_of_the_mixer_ends_old_answers(
    backend: EchoBackend, fresh_mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    def answer(generation: str) -> CheckAnswer:
        metadata = {"mizzen-generation": generation}
        return CheckAnswer(uses=-1, references=[Reference("request.path")], metadata=metadata)

    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=filter_config) as process:
        fresh_mixer.on_check = answer("1")
        for _ in range(2):
            send(process.address, "/generation")
        assert len(fresh_mixer.checks) == 1
        fresh_mixer.on_check = answer("2")
        send(process.address, "/generation-other")
        send(process.address, "/generation")
        assert len(fresh_mixer.checks) == 3


def test_the_cache_can_be_switched_off(
    backend: EchoBackend, fresh_mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    fresh_mixer.on_check = CheckAnswer(uses=-1)
    config = {**filter_config, "transport": {"disable_check_cache": True}}
    with ProxyProcess(backend.address, fresh_mixer.address, filter_config=config) as process:
        for _ in range(3):
            assert send(process.address, "/off").status == 200
        assert len(fresh_mixer.checks) == 3


def test_equal_requests_join_the_check_in_flight(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    release = threading.Event()

    def decide(check: ReceivedCheck) -> CheckAnswer:
        headers = check.attributes["request.headers"]
        if isinstance(headers, Mapping) and headers["x-user"] == "slow":
            release.wait(20)
        return by_user("/join")

    fresh_mixer.on_check = decide
    assert send(proxy.address, "/join", headers=user("first")).status == 200
    before = proxy.stats(PREFIX)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(send, proxy.address, "/join", headers=user("slow")) for _ in range(8)]
        wait_until(lambda: proxy.stats("http.server.")["http.server.downstream_rq_active"] == 8, "eight requests")
        release.set()
        assert [answer.result().status for answer in answers] == [200] * 8
    assert len(fresh_mixer.checks) == 2
    proxy.wait_for_stats({PREFIX + "total_check_joins": 7, PREFIX + "total_remote_calls": 1}, before)
