"""A bounded number of daemon threads for work that may block.

The standard library's pool joins its threads when the interpreter ends, so an adapter that hangs would keep the process
from ending; these threads are left behind.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from mizzen.mixer.calling.log import say

Result = TypeVar("Result")


class Threads:
    """Runs work in the order given; threads are started as they are needed, up to `most`."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._idle = 0
        self._closed = False

    def submit(self, work: Callable[[], None]) -> None:
        """Runs `work` soon; RuntimeError after `close`."""
        with self._lock:
            if self._closed:
                raise RuntimeError("is closed")
            self._queue.put(work)
            if self._idle:
                self._idle -= 1
            elif self._started < self._most:
                self._started += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def close(self) -> None:
        """Ends the threads after the work that was submitted; does not wait. Calling it twice is fine."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(self._started):
                    self._queue.put(None)

    def _run(self) -> None:
        while True:
            work = self._queue.get()
            if work is None:
                return
            try:
                work()
            except BaseException as error:  # also SystemExit: nothing of an adapter may end a thread of the Mixer
                say("work on a thread failed", error, thread=self._name)
            with self._lock:
                self._idle += 1


def run_within(seconds: float, work: Callable[[], Result], name: str) -> Result:
    """What `work` returns or raises, from a thread of its own; TimeoutError when it takes longer (and then goes on)."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # belongs to the caller
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done():
            raise
        raise TimeoutError(f"not done within {seconds:g} s") from None
