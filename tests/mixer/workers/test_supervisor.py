"""`mizzen mixer --workers`: the parent and its workers together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import grpc
import httpx
import pytest

from mizzen.mixer.workers.supervisor import reserve
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

from .parents import PATIENCE, command, configured, running, wait_until

RULE = """\
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.denier, instances: [n.checknothing]}]}}
---
{kind: denier, metadata: {name: h}, spec: {status: {code: 7}}}
---
{kind: checknothing, metadata: {name: n}}
"""
BAD = "status: {code: 7}"


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


SLOW = """\
import time

from mizzen.sdk import Adapter, CheckResult


class SlowAdapter(Adapter):
    name = "slow"
    templates = frozenset(["checknothing"])
    blocking = True

    def check(self, instance):
        time.sleep(1.5)
        return CheckResult()
"""


def test_open_calls_of_every_worker_are_answered_in_the_drain(tmp_path: Path) -> None:
    adapters = tmp_path / "adapters"
    adapters.mkdir()
    (adapters / "slow.py").write_text(SLOW)
    directory = configured(tmp_path, RULE.replace("h.denier", "h.slow").replace("denier,", "slow,").replace(BAD, ""))
    with running(directory, 2, "--adapter-dir", str(adapters)) as parent:
        options = [("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.insecure_channel(f"127.0.0.1:{parent.port}", options) for _ in range(12)]
        calls = [
            mixer_pb2_grpc.MixerStub(channel).Check.future(mixer_pb2.CheckRequest(), timeout=PATIENCE)
            for channel in channels
        ]
        wait_until(lambda: "mizzen_mixer_front_calls_total 12.0" in parent.metrics())
        parent.process.send_signal(signal.SIGTERM)
        assert [call.result(PATIENCE).precondition.status.code for call in calls] == [0] * 12
        assert parent.process.wait(PATIENCE) == 0
        for channel in channels:
            channel.close()


def test_a_hang_up_lets_every_worker_look_anew_and_ends_none(tmp_path: Path) -> None:
    with running(configured(tmp_path, RULE)) as parent:
        workers = parent.workers()
        parent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: parent.log.read_text().count("looking at configuration, adapters and certificates") == 2)
        assert parent.check()[0] == 7
        assert parent.workers() == workers


def test_a_worker_that_ends_again_and_again_is_started_after_longer_and_longer_pauses(tmp_path: Path) -> None:
    with running(configured(tmp_path, RULE)) as parent:
        for number in range(2):
            known = set(parent.workers())
            os.kill(max(known), signal.SIGKILL)
            wait_until(lambda known=known: len(parent.workers()) == 2 and set(parent.workers()) != known)  # type: ignore[misc]
            assert parent.log.read_text().count("worker ended") == number + 1
        pauses = re.findall(r"restart_in=([\d.]+)", parent.log.read_text())
        assert pauses == ["0.5", "1.0"]
        assert httpx.get(f"{parent.monitoring}/healthz").status_code == 200


def test_what_keeps_the_first_worker_from_serving_is_said_once_and_is_the_status(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("no PEM")
    files = ["--tls-certificate", str(tmp_path / "broken"), "--tls-key", str(tmp_path / "broken")]
    ended = subprocess.run(
        command(configured(tmp_path, RULE), 2, *files), capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("TLS certificate is not accepted") == 1
    assert "Traceback" not in ended.stderr


def test_a_port_of_another_parent_is_not_shared_with_it(tmp_path: Path) -> None:
    with running(configured(tmp_path, RULE)) as parent:
        with pytest.raises(OSError, match=rf"^cannot listen on 127\.0\.0\.1:{parent.port}: Address already in use$"):
            reserve("127.0.0.1", parent.port)
        assert parent.check()[0] == 7
