"""Which handlers are worth calling: a state machine that takes outcomes and a clock.

A handler is put into quarantine when its last `failures` failures happened within `window` seconds and were at least
half of the calls since the first of them. The share matters: without it a client that sends a few requests an adapter
fails on could switch the adapter off for everybody. After `pause` seconds one call is let through as a probe; its
success ends the quarantine, its failure renews it with twice the pause, up to eight times the first.
"""

from __future__ import annotations

import enum
import threading
from collections import deque
from collections.abc import Callable

_LONGEST_PAUSE = 8


class Admission(enum.Enum):
    """Whether a call may be made."""

    YES = "yes"
    PROBE = "probe"
    NO = "no"


class Quarantine:
    """The state of one handler; safe to use from several threads. With `failures` 0 nothing is ever refused."""

    def __init__(self, failures: int, window_seconds: float, pause_seconds: float, clock: Callable[[], float]) -> None:
        self._limit = failures
        self._window = window_seconds
        self._pause = pause_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._calls = 0
        self._failures: deque[tuple[float, int]] = deque(maxlen=max(failures, 1))
        self._until: float | None = None
        self._probing = False
        self._factor = 1

    @property
    def is_active(self) -> bool:
        """Whether the handler is in quarantine, a probe under way included."""
        return self._until is not None

    @property
    def seconds_left(self) -> float:
        """Time until a probe may be made; 0 outside a quarantine."""
        until = self._until
        return 0.0 if until is None else max(0.0, until - self._clock())

    def admit(self) -> Admission:
        """Whether a call may be made now. After `PROBE` the outcome must be settled, or no other probe follows."""
        if self._until is None:
            return Admission.YES
        with self._lock:
            until = self._until
            if until is not None and (self._probing or self._clock() < until):
                return Admission.NO
            self._probing = until is not None
            return Admission.PROBE if self._probing else Admission.YES

    def succeeded(self, admission: Admission) -> bool:
        """Takes the success of an admitted call; whether it ended a quarantine."""
        self._calls += 1
        if admission is not Admission.PROBE:
            return False
        with self._lock:
            self._until = None
            self._probing = False
            self._factor = 1
            self._failures.clear()
        return True

    def failed(self, admission: Admission) -> bool:
        """Takes the failure of an admitted call; whether it began or renewed a quarantine."""
        if not self._limit:
            return False
        with self._lock:
            now = self._clock()
            if admission is Admission.PROBE:
                self._factor = min(self._factor * 2, _LONGEST_PAUSE)
                self._until = now + self._pause * self._factor
                self._probing = False
                return True
            if self._until is not None:
                return False  # a call from before the quarantine
            self._failures.append((now, self._calls))
            self._calls += 1
            first, calls_before = self._failures[0]
            many = len(self._failures) == self._limit and now - first <= self._window
            if not many or self._calls - calls_before > 2 * self._limit:
                return False
            self._until = now + self._pause
            return True
