"""A policy that changes is enforced at once: the Mixer's word ends what both workers remember."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import (
    CheckAnswer,
    EchoBackend,
    FakeMixer,
    MixerProcess,
    ProxyProcess,
    Reference,
    ReportAnswer,
    send,
    wait_until,
)

COUNTERS = "mizzen.http_mixer_filter."
CLIENTS = 12
RULE = (Path(__file__).parents[2] / "benches/policies/gate.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def transport() -> Mapping[str, Any]:
    return {"report_batch_max_time": "1s"}


class Clients:
    """Connections that stay open, so that each stays with its worker."""

    def __init__(self, proxy: ProxyProcess, stack: ExitStack) -> None:
        place = proxy.address
        self.connections = [http.client.HTTPConnection(place.host, place.port, timeout=20) for _ in range(CLIENTS)]
        for connection in self.connections:
            stack.callback(connection.close)
        self.pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))

    def ask(self) -> list[int]:
        """The statuses of one request on every connection, all at once."""
        return list(self.pool.map(self.ask_one, self.connections))

    def ask_one(self, connection: http.client.HTTPConnection) -> int:
        connection.request("GET", "/", headers={"x-team": "blue"})
        response = connection.getresponse()
        response.read()
        return response.status


@contextmanager
def clients_of(proxy: ProxyProcess) -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(proxy, stack)


def test_the_word_of_a_report_ends_what_both_workers_remember(
    backend: EchoBackend, fresh_mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    def answer(generation: str, code: int = 0) -> CheckAnswer:
        metadata = {"mizzen-generation": generation}
        return CheckAnswer(code, uses=-1, references=[Reference("request.path")], metadata=metadata)

    fresh_mixer.on_check = answer("1")
    fresh_mixer.on_report = ReportAnswer(metadata={"mizzen-generation": "1"})
    with (
        ProxyProcess(backend.address, fresh_mixer.address, filter_config=filter_config, concurrency=2) as proxy,
        clients_of(proxy) as clients,
    ):
        assert clients.ask() == [200] * CLIENTS
        # both workers remember: nobody asks any more
        asked = len(fresh_mixer.checks)
        assert 1 <= asked <= CLIENTS
        assert clients.ask() == [200] * CLIENTS
        assert len(fresh_mixer.checks) == asked
        wait_until(lambda: proxy.stats(COUNTERS)[COUNTERS + "check_cache_entries"] == 2, "one decision per worker")
        fresh_mixer.on_check = answer("2", 7)
        assert clients.ask() == [200] * CLIENTS, "nobody has said anything yet"
        fresh_mixer.on_report = ReportAnswer(metadata={"mizzen-generation": "2"})
        wait_until(lambda: 403 in clients.ask(), "the first refusal")
        assert clients.ask() == [403] * CLIENTS
        wait_until(lambda: proxy.stats(COUNTERS)[COUNTERS + "total_check_cache_outdated"] >= 2, "two old decisions")


def test_an_answer_of_the_older_generation_that_comes_late_is_not_remembered(
    backend: EchoBackend, fresh_mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    release = threading.Event()

    def decide(check: Any) -> CheckAnswer:
        old = check.attributes["request.path"] == "/old" and not release.is_set()
        if old:
            release.wait(20)
        metadata = {"mizzen-generation": "1" if old else "2"}
        return CheckAnswer(0 if old else 7, uses=-1, references=[Reference("request.path")], metadata=metadata)

    def get(path: str) -> int:
        return send(proxy.address, path).status

    fresh_mixer.on_check = decide
    with (
        ProxyProcess(backend.address, fresh_mixer.address, filter_config=filter_config) as proxy,
        ThreadPoolExecutor(1) as pool,
    ):
        late = pool.submit(get, "/old")
        fresh_mixer.wait_for_checks(1)
        assert get("/new") == 403
        release.set()
        assert late.result() == 200, "its own decision"
        assert get("/old") == 403


def test_a_rule_that_is_saved_is_enforced_on_both_workers(
    backend: EchoBackend, filter_config: Mapping[str, Any]
) -> None:
    """All decisions are remembered for ten minutes, so only the change itself can end them."""
    with (
        MixerProcess({"gate.yaml": RULE}) as mixer,
        ProxyProcess(backend.address, mixer.address, filter_config=filter_config, concurrency=2) as proxy,
        clients_of(proxy) as clients,
    ):
        for _ in range(3):
            assert clients.ask() == [200] * CLIENTS
        for team, status in (("blue", 403), ("nobody", 200), ("blue", 403)):
            before = proxy.stats(COUNTERS)[COUNTERS + "total_check_cache_hits"]
            mixer.save("gate.yaml", RULE.replace("nobody", team))
            wait_until(lambda status=status: status in clients.ask(), f"a {status}", 5)  # type: ignore[misc]
            assert clients.ask() == [status] * CLIENTS
            assert clients.ask() == [status] * CLIENTS
            assert proxy.stats(COUNTERS)[COUNTERS + "total_check_cache_hits"] > before
