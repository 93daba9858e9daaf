"""Background work on threads: one daemon thread per task, so that a slow task delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_PATIENCE_S = 5.0


class ThreadScheduler:
    """The scheduler of a running Mixer."""

    def every(self, seconds: float, work: Callable[[], None], *, name: str) -> ThreadTask:
        return ThreadTask(seconds, work, name)


class ThreadTask:
    """See `Task`."""

    def __init__(self, seconds: float, work: Callable[[], None], name: str) -> None:
        self._seconds = seconds
        self._work = work
        self._name = name
        self._wake = threading.Event()
        self._cancelled = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def cancel(self) -> None:
        self._cancelled = True
        self._wake.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while True:
            self._wake.wait(self._seconds)
            self._wake.clear()
            if self._cancelled:
                return
            try:
                self._work()
            except Exception:  # the work of an adapter: whatever it raises must not end the task
                structlog.get_logger().exception("background work failed", task=self._name)
