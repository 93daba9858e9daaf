"""listchecker with a provider: a real HTTP server, a file, and time in hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from prometheus_client import generate_latest
from pydantic import ValidationError

from mizzen.mixer.adapters import CheckResult, Code
from mizzen.mixer.adapters.listchecker import ListAdapter, ListParams
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import ListEntry


class Request(Protocol):
    path: str
    headers: dict[str, str]


class Script(Protocol):
    url: str
    requests: list[Request]
    answer: Callable[[Request], Any]


class Answer:
    def __init__(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.body = body
        self.status = status
        self.headers = headers


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def check(handler: ListAdapter, value: str) -> CheckResult:
    return handler.check(ListEntry("i", value))


def allowed(handler: ListAdapter, value: str) -> bool:
    return check(handler, value).status.code == Code.OK


def counts(handler: ListAdapter) -> dict[str, float]:
    assert handler.registry is not None
    lines = generate_latest(handler.registry).decode().splitlines()
    totals = (line.rsplit(" ", 1) for line in lines if "_total{" in line)
    return {name.split('"')[-2] if "answer" not in name else name.split('"')[1]: float(value) for name, value in totals}


def test_the_list_of_a_provider_is_used_with_the_overrides(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(b"v1\nv2\n")
    handler = bench.build(ListAdapter, {"provider_url": f"{http_script.url}/list", "overrides": ["v9"]})
    assert [allowed(handler, value) for value in ("v1", "v2", "v9", "v3")] == [True, True, True, False]
    assert check(handler, "v1").valid_for == 300.0
    assert [request.path for request in http_script.requests] == ["/list"]
    handler.close()


def test_the_list_is_refreshed_at_the_interval(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(b"old")
    handler = bench.build(ListAdapter, {"provider_url": http_script.url, "refresh_interval": "10s"})
    http_script.answer = lambda request: Answer(b"new")
    bench.advance(9.9)
    bench.run_tasks()
    assert allowed(handler, "old")
    bench.advance(0.1)
    bench.run_tasks()
    assert not allowed(handler, "old")
    assert allowed(handler, "new")
    assert counts(handler) == {"changed": 2.0, "refused": 0.0}
    handler.close()
    assert all(task.cancelled for task in bench.tasks)


def test_a_provider_may_answer_that_nothing_changed(bench: AdapterBench, http_script: Script) -> None:
    def answer(request: Request) -> Answer:
        if request.headers.get("if-none-match") == '"1"':
            return Answer(status=304)
        return Answer(b"v1", ETag='"1"')

    http_script.answer = answer
    handler = bench.build(ListAdapter, {"provider_url": http_script.url})
    for _ in range(2):
        bench.advance(60)
        bench.run_tasks()
    assert allowed(handler, "v1")
    assert counts(handler) == {"changed": 1.0, "unchanged": 2.0, "refused": 0.0}
    handler.close()


def test_a_provider_that_fails_leaves_the_list_for_its_life(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(b"v1")
    handler = bench.build(ListAdapter, {"provider_url": http_script.url, "ttl": "100s"})
    http_script.answer = lambda request: Answer(b"oops", status=503)
    bench.advance(60)
    bench.run_tasks()
    assert allowed(handler, "v1")
    bench.advance(40)
    bench.run_tasks()
    result = check(handler, "v1")
    assert (result.status.code, result.status.message) == (Code.UNAVAILABLE, "the list is not available: status 503")
    assert (result.valid_for, result.uses) == (1.0, 100)
    http_script.answer = lambda request: Answer(b"v1")
    bench.advance(8)
    bench.run_tasks()
    assert allowed(handler, "v1")
    handler.close()


@pytest.mark.parametrize("blacklist", [False, True])
def test_overrides_decide_without_a_list(bench: AdapterBench, http_script: Script, blacklist: bool) -> None:
    http_script.answer = lambda request: Answer(status=500)
    params = {"provider_url": http_script.url, "overrides": ["known"], "blacklist": blacklist}
    handler = bench.build(ListAdapter, params)
    assert allowed(handler, "known") == (not blacklist)
    assert check(handler, "other").status.code == Code.UNAVAILABLE
    handler.close()
    handler = bench.build(ListAdapter, {**params, "fail_open": True})
    assert allowed(handler, "known") == (not blacklist)
    assert check(handler, "other") == CheckResult(valid_for=1.0, uses=100)
    assert counts(handler) == {"failed": 1.0, "allowed": 1.0}
    handler.close()


def test_a_list_that_is_too_large_or_too_slow_is_given_up(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(b"x" * 101)
    handler = bench.build(ListAdapter, {"provider_url": http_script.url, "max_bytes": 100})
    assert check(handler, "x").status.message == "the list is not available: larger than 100 bytes"
    handler.close()
    answered = threading.Event()

    def slow(request: Request) -> Answer:
        answered.wait(5)
        return Answer(b"x")

    http_script.answer = slow
    handler = bench.build(ListAdapter, {"provider_url": http_script.url, "fetch_timeout": "50ms"})
    answered.set()
    assert check(handler, "x").status.message.startswith("the list is not available: ReadTimeout")
    handler.close()


def test_redirects_are_followed_and_not_without_end(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: (
        Answer(b"v1") if request.path == "/there" else Answer(status=302, location="/there")
    )
    handler = bench.build(ListAdapter, {"provider_url": http_script.url})
    assert allowed(handler, "v1")
    handler.close()
    http_script.answer = lambda request: Answer(status=302, location="/again")
    handler = bench.build(ListAdapter, {"provider_url": http_script.url})
    assert "TooManyRedirects" in check(handler, "v1").status.message
    handler.close()


def test_no_part_of_the_url_is_in_what_clients_see(bench: AdapterBench) -> None:
    handler = bench.build(ListAdapter, {"provider_url": "http://user:secret@127.0.0.1:1/secret"})
    message = check(handler, "v1").status.message
    assert message.startswith("the list is not available: ConnectError")
    assert "secret" not in message
    handler.close()


def test_a_file_is_a_provider_too(bench: AdapterBench, tmp_path: Path) -> None:
    path = tmp_path / "a list"
    handler = bench.build(ListAdapter, {"provider_url": path.as_uri(), "max_bytes": 10})
    assert check(handler, "v1").status.message == "the list is not available: No such file or directory"
    path.write_text("v1\n")
    bench.advance(1)
    bench.run_tasks()
    assert allowed(handler, "v1")
    path.write_text("v1\n" * 10)
    bench.advance(60)
    bench.run_tasks()
    assert handler.updater is not None
    assert handler.updater.list.error == "larger than 10 bytes"
    handler.close()


def test_a_successor_with_the_same_source_starts_with_the_list(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(b"v1")
    first = bench.build(ListAdapter, {"provider_url": http_script.url})
    second = bench.build(ListAdapter, {"provider_url": http_script.url, "blacklist": True}, predecessor=first)
    assert len(http_script.requests) == 1
    assert not allowed(second, "v1")
    first.close()
    third = bench.build(ListAdapter, {"provider_url": f"{http_script.url}/other"}, predecessor=second)
    assert len(http_script.requests) == 2
    for handler in (second, third):
        handler.close()


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"provider_url": "example.org/list"}, "is not a URL with scheme and host"),
        ({"provider_url": "http://"}, "is not a URL with scheme and host"),
        ({"provider_url": "ftp://host/x"}, "is not a URL with scheme and host"),
        ({"provider_url": "http://host:99999/"}, "is not a URL with scheme and host"),
        ({"provider_url": "http://h", "refresh_interval": "999ms"}, "greater than or equal to 1000000000"),
        ({"provider_url": "http://h", "ttl": "59s"}, "ttl that is shorter than refresh_interval"),
        ({"max_bytes": 0}, "greater than 0"),
    ],
)
def test_wrong_params_are_refused(params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ListParams.model_validate(params)


def test_the_ttl_matters_only_with_a_provider(bench: AdapterBench) -> None:
    bench.build(ListAdapter, {"ttl": "1s"})
    assert bench.tasks == []
