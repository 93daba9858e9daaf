from __future__ import annotations

import threading

from mizzen.mixer.adapters.background import ThreadScheduler

PATIENCE_S = 10.0


def test_work_runs_at_the_interval_until_it_is_cancelled() -> None:
    runs = threading.Semaphore(0)
    task = ThreadScheduler().every(0.001, runs.release, name="work")
    assert runs.acquire(timeout=PATIENCE_S)
    assert runs.acquire(timeout=PATIENCE_S)
    task.cancel()
    assert all(thread.name != "work" for thread in threading.enumerate())
    task.cancel()


def test_a_woken_task_does_not_wait_for_its_interval() -> None:
    ran = threading.Event()
    task = ThreadScheduler().every(3600, ran.set, name="work")
    assert not ran.is_set()
    task.wake()
    assert ran.wait(PATIENCE_S)
    task.cancel()


def test_work_goes_on_after_an_exception() -> None:
    runs: list[int] = []
    twice = threading.Event()

    def work() -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise ValueError("once")
        twice.set()

    task = ThreadScheduler().every(0.001, work, name="work")
    assert twice.wait(PATIENCE_S)
    task.cancel()


def test_work_may_cancel_itself() -> None:
    done = threading.Event()

    def work() -> None:
        task.cancel()
        done.set()

    task = ThreadScheduler().every(3600, work, name="work")
    task.wake()
    assert done.wait(PATIENCE_S)
