from __future__ import annotations

import asyncio
import threading

from mizzen.kubernetes.background import Background


def test_closing_cancels_the_work_and_ends_the_thread() -> None:
    started, ends = threading.Event(), list[Exception | None]()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    background = Background(work, ends.append, name="the work")
    assert started.wait(10)
    background.close()
    background.close()
    assert ends == [None]
    assert "the work" not in [thread.name for thread in threading.enumerate()]


def test_an_exception_is_told() -> None:
    ended, ends = threading.Event(), list[Exception | None]()

    async def work() -> None:
        raise OSError("gone")

    def end(failure: Exception | None) -> None:
        ends.append(failure)
        ended.set()

    background = Background(work, end, name="the work")
    assert ended.wait(10)
    background.close()
    assert [str(failure) for failure in ends] == ["gone"]
