from __future__ import annotations

import asyncio
import threading

import pytest
import structlog

from mizzen.mixer.calling.loop import LoopThread
from mizzen.mixer.calling.threads import Threads, run_within
from mizzen.mixer.calling.timers import Timers
from mizzen.testing import wait_until

PATIENCE = 5.0


def test_work_runs_on_no_more_threads_than_allowed() -> None:
    threads = Threads(2, "t")
    barrier, names, done = threading.Barrier(2), set(), threading.Semaphore(0)

    def work() -> None:
        barrier.wait(PATIENCE)
        names.add(threading.get_ident())
        done.release()

    for _ in range(6):
        threads.submit(work)
    assert all(done.acquire(timeout=PATIENCE) for _ in range(6))
    assert len(names) == 2
    threads.close()


def test_an_idle_thread_is_used_before_another_is_started() -> None:
    threads = Threads(4, "t")
    names: list[int] = []
    for _ in range(3):
        done = threading.Event()

        def work(done: threading.Event = done) -> None:
            names.append(threading.get_ident())
            done.set()

        threads.submit(work)
        assert done.wait(PATIENCE)
        wait_until(lambda: threads._idle, "an idle thread")
    assert len(set(names)) == 1
    threads.close()


def test_work_that_leaves_the_process_leaves_the_thread() -> None:
    threads, done = Threads(1, "t"), threading.Event()

    def leave() -> None:
        raise SystemExit(1)

    threads.submit(leave)
    threads.submit(done.set)
    assert done.wait(PATIENCE)
    threads.close()
    threads.close()
    with pytest.raises(RuntimeError, match="is closed"):
        threads.submit(done.set)


def test_limited_work_returns_raises_or_is_given_up() -> None:
    release = threading.Event()
    assert run_within(PATIENCE, lambda: 3, "w") == 3
    with pytest.raises(ZeroDivisionError):
        run_within(PATIENCE, lambda: 1 // 0, "w")
    with pytest.raises(TimeoutError, match=r"not done within 0\.01 s"):
        run_within(0.01, lambda: release.wait(PATIENCE), "w")
    release.set()


def test_a_loop_that_was_closed_takes_no_work() -> None:
    loop = LoopThread("l")

    async def work() -> int:
        return 4

    assert loop.submit(work()).result(PATIENCE) == 4
    loop.close()
    with pytest.raises(RuntimeError, match="is closed"):
        loop.submit(work())


def test_closing_a_loop_cancels_what_still_runs() -> None:
    loop, entered, ended = LoopThread("l"), threading.Event(), threading.Event()

    async def work() -> None:
        try:
            entered.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    loop.submit(work())
    assert entered.wait(PATIENCE)
    loop.close(PATIENCE)
    assert ended.is_set()


def test_timers_run_in_the_order_they_are_due_and_not_when_cancelled() -> None:
    timers, done = Timers(), threading.Event()
    order: list[str] = []

    def fail() -> None:
        raise ValueError("a timer that fails stops no other")

    timers.after(0.04, done.set)
    late = timers.after(0.03, lambda: order.append("late"))
    never = timers.after(0.02, lambda: order.append("never"))
    timers.after(0.0, fail)
    timers.after(0.0, lambda: order.append("early"))
    never.cancel()
    never.cancel()
    assert done.wait(PATIENCE)
    assert order == ["early", "late"]
    late.cancel()


def test_a_log_that_cannot_be_written_ends_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise ValueError("I/O operation on closed file")

    monkeypatch.setattr(structlog, "get_logger", broken)
    threads, done = Threads(1, "t"), threading.Event()
    threads.submit(lambda: [][0])
    threads.submit(done.set)
    assert done.wait(PATIENCE)
    threads.close()
