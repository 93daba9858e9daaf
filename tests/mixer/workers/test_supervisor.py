"""`mizzen mixer --workers` as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx

from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

READY = re.compile(r"mizzen mixer: serving gRPC on 127\.0\.0\.1:(\d+), monitoring on (http://127\.0\.0\.1:\d+)\n")
PATIENCE = 20.0
RULE = """\
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.denier, instances: [n.checknothing]}]}}
---
{kind: denier, metadata: {name: h}, spec: {status: {code: 7}}}
---
{kind: checknothing, metadata: {name: n}}
"""
QUOTA = """\
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: m.memquota, instances: [q.quota]}]}}
---
{kind: memquota, metadata: {name: m}, spec: {quotas: [{name: q.quota.istio-system, max_amount: 5, valid_duration: 1s}]}}
---
{kind: quota, metadata: {name: q}}
"""


def command(directory: Path) -> list[str]:
    arguments = ["--config-dir", str(directory), "--port", "0", "--monitoring-port", "0", "--workers", "2"]
    return [sys.executable, "-m", "mizzen", "mixer", *arguments]


class Parent:
    """A running parent with two workers."""

    def __init__(self, process: subprocess.Popen[str], port: int, monitoring: str) -> None:
        self.process = process
        self.port = port
        self.monitoring = monitoring

    def check(self) -> tuple[int, str]:
        """Code and generation, asked over a connection of its own."""
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            response, call = mixer_pb2_grpc.MixerStub(channel).Check.with_call(
                mixer_pb2.CheckRequest(), timeout=PATIENCE, wait_for_ready=True
            )
            return response.precondition.status.code, str(dict(call.initial_metadata())["mizzen-generation"])

    def metrics(self) -> str:
        return httpx.get(f"{self.monitoring}/metrics", timeout=PATIENCE).text

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running(directory: Path) -> Iterator[Parent]:
    with (
        (directory.parent / "log").open("w") as log,
        subprocess.Popen(command(directory), stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = READY.fullmatch(process.stdout.readline())
            assert ready
            yield Parent(process, int(ready[1]), ready[2])
        finally:
            process.kill()


def configured(tmp_path: Path, text: str) -> Path:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "a.yaml").write_text(text)
    return directory


def test_workers_share_the_port_the_generation_and_the_end(tmp_path: Path) -> None:
    with running(configured(tmp_path, RULE)) as parent:
        generations = set()
        served = re.compile(r"mizzen_mixer_front_calls_total ([\d.]+)")
        for _ in range(24):
            code, generation = parent.check()
            assert code == 7
            generations.add(generation)
        assert len(generations) == 1
        calls = served.search(parent.metrics())
        assert calls is not None
        assert float(calls[1]) == 24
        workers = parent.workers()
        assert len(workers) == 2
        parent.process.send_signal(signal.SIGTERM)
        assert parent.process.wait(PATIENCE) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_change_is_in_force_in_every_worker(tmp_path: Path) -> None:
    directory = configured(tmp_path, RULE)
    with running(directory) as parent:
        (directory / "a.yaml").write_text(RULE.replace("code: 7", "code: 5"))
        wait_until(lambda: {parent.check()[0] for _ in range(8)} == {5})
        assert len({parent.check()[1] for _ in range(8)}) == 1


def test_a_worker_that_is_killed_starts_again_while_the_others_answer(tmp_path: Path) -> None:
    with running(configured(tmp_path, RULE)) as parent:
        before = parent.workers()
        os.kill(before[1], signal.SIGKILL)
        wait_until(lambda: 'mizzen_mixer_worker_restarts_total{worker="1"} 1.0' in parent.metrics())
        assert parent.check()[0] == 7
        wait_until(
            lambda: parent.metrics().count("mizzen_mixer_worker_up{") == 2 and '_up{worker="1"} 1.0' in parent.metrics()
        )
        assert len(parent.workers()) == 2


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with running(configured(tmp_path, RULE)) as parent:
        workers = parent.workers()
        parent.process.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_memquota_is_refused_at_the_start_with_an_explanation(tmp_path: Path) -> None:
    ended = subprocess.run(
        command(configured(tmp_path, QUOTA)), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "each of several workers would grant the quota in full" in ended.stderr
    assert "accepted: an adapter with shared counts, such as redisquota, or --workers 1" in ended.stderr


def test_memquota_that_comes_later_is_refused_and_what_was_in_force_stays(tmp_path: Path) -> None:
    directory = configured(tmp_path, RULE)
    with running(directory) as parent:
        (directory / "b.yaml").write_text(QUOTA.replace("{name: r}", "{name: s}"))
        wait_until(lambda: "several workers" in httpx.get(f"{parent.monitoring}/config").text)
        assert parent.check()[0] == 7
