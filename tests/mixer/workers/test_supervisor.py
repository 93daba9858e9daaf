"""`mizzen mixer --workers`: the parent and its workers together."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from .parents import PATIENCE, configured, running, wait_until

RULE = """\
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h.denier, instances: [n.checknothing]}]}}
---
{kind: denier, metadata: {name: h}, spec: {status: {code: 7}}}
---
{kind: checknothing, metadata: {name: n}}
"""


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
