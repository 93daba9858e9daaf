"""Time limits of many calls on one thread, which runs nothing of an adapter."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

from mizzen.mixer.calling.log import say


class Timer(Protocol):
    """Work that is due at some time."""

    def cancel(self) -> None:
        """Do not run it, unless it runs already. Calling it twice is fine."""


class Clockwork(Protocol):
    """Runs work later."""

    def after(self, seconds: float, work: Callable[[], None]) -> Timer: ...


class _Entry:
    """One piece of work; cancelled ones stay in the heap until they are due."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[], None]) -> None:
        self.work: Callable[[], None] | None = work

    def cancel(self) -> None:
        self.work = None


class Timers:
    """A daemon thread that runs quick work when it is due; started with the first timer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, _Entry]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def after(self, seconds: float, work: Callable[[], None]) -> Timer:
        entry = _Entry(work)
        due = self._clock() + seconds
        with self._changed:
            heapq.heappush(self._heap, (due, next(self._order), entry))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="adapter-timers", daemon=True)
                self._thread.start()
            elif self._heap[0][2] is entry:
                self._changed.notify()
        return entry

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._heap or self._heap[0][0] > self._clock():
                    self._changed.wait(self._heap[0][0] - self._clock() if self._heap else None)
                work = heapq.heappop(self._heap)[2].work
            if work is not None:
                try:
                    work()
                except Exception as error:  # one faulty timer must not stop the others
                    say("timer failed", error)
