"""Quotas in memory of several worker processes, asked for by a stock gRPC client."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest

from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

from .parents import PATIENCE, Parent, configured, running, wait_until

QUOTA = """\
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: m.memquota, instances: [q.quota]}]}}
---
kind: memquota
metadata: {name: m}
spec:
  min_deduplication_duration: 1h
  quotas:
  - name: q.quota.istio-system
    max_amount: 100
    valid_duration: 1h
    overrides: [{dimensions: {user: small}, max_amount: 7, valid_duration: 1h}]
---
{kind: quota, metadata: {name: q}, spec: {dimensions: {user: source.user | ""}}}
"""
WORKERS = 3
CLIENTS = 12


class Client:
    """A client with a connection of its own, so with a worker of its own."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = mixer_pb2_grpc.MixerStub(channel)

    def take(self, amount: int, identity: str = "", *, best_effort: bool = False, user: str = "") -> int:
        params = mixer_pb2.CheckRequest.QuotaParams(amount=amount, best_effort=best_effort)
        request = mixer_pb2.CheckRequest(quotas={"q": params}, deduplication_id=identity)
        if user:
            request.attributes.words.append("source.user")
            request.attributes.words.append(user)
            request.attributes.strings[-1] = -2
        answer = self._stub.Check(request, timeout=PATIENCE, wait_for_ready=True)
        return int(answer.quotas["q"].granted_amount)


@contextmanager
def clients(parent: Parent, count: int = CLIENTS) -> Iterator[list[Client]]:
    with ExitStack() as stack:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.insecure_channel(f"127.0.0.1:{parent.port}", options) for _ in range(count)]
        yield [Client(stack.enter_context(channel)) for channel in channels]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return configured(tmp_path, QUOTA)


def take_all(asking: list[Client], ids: Mapping[int, str]) -> list[tuple[str, int]]:
    """Each client asks for one unit for each of its ids, all clients at once."""

    def ask(number: int) -> list[tuple[str, int]]:
        return [(identity, asking[number].take(1, identity)) for identity in ids[number].split()]

    with ThreadPoolExecutor(len(asking)) as pool:
        return [answer for answers in pool.map(ask, range(len(asking))) for answer in answers]


def test_workers_together_never_grant_more_than_the_limit_and_count_a_repeated_request_once(directory: Path) -> None:
    with running(directory, WORKERS) as parent, clients(parent) as asking:
        # every request is sent by two clients, and there are twice as many as units
        ids = {
            client: " ".join(f"r{number}" for number in range(200)[client // 2 :: CLIENTS // 2])
            for client in range(CLIENTS)
        }
        answers = take_all(asking, ids)
        granted = dict(answers)
        assert len(granted) == 200
        assert all(granted[identity] == amount for identity, amount in answers)
        assert sum(granted.values()) == 100
        assert "mizzen_mixer_shared_quota_calls_total 400.0\n" in parent.metrics()
        assert {client.take(1) for client in asking} == {0}
        assert [client.take(1, user="small") for client in asking] == [1] * 7 + [0] * (CLIENTS - 7)
        assert sum(client.take(5, best_effort=True, user="other") for client in asking) == 60


def test_workers_that_are_killed_lose_no_count(directory: Path) -> None:
    with running(directory, WORKERS) as parent:
        with clients(parent) as asking:
            assert [client.take(5, f"a{number}") for number, client in enumerate(asking)] == [5] * CLIENTS
        workers = parent.workers()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(parent.workers()) - set(workers)) == WORKERS)
        wait_until(lambda: all(f'_up{{worker="{number}"}} 1.0' in parent.metrics() for number in range(WORKERS)))
        with clients(parent) as asking:
            assert [client.take(5, f"a{number}") for number, client in enumerate(asking)] == [5] * CLIENTS
            assert sum(client.take(1, best_effort=True) for client in asking for _ in range(5)) == 100 - 5 * CLIENTS


def test_a_changed_quota_is_counted_anew_by_all_workers_together(directory: Path) -> None:
    with running(directory, WORKERS) as parent, clients(parent) as asking:
        assert asking[0].take(100) == 100
        (directory / "a.yaml").write_text(QUOTA.replace("max_amount: 100", "max_amount: 120"))
        generation = parent.check()[1]
        wait_until(lambda: generation not in {parent.check()[1] for _ in range(12)})
        assert sum(client.take(15, best_effort=True) for client in asking) == 120
