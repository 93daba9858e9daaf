"""Keeps a fault that repeats with every request from filling the log."""

from __future__ import annotations

import time
from collections.abc import Callable

_MOST_KEYS = 4096


class Throttle:
    """Lets one message per key and interval pass; the counters tell how often it really happened."""

    def __init__(self, interval_seconds: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval_seconds
        self._clock = clock
        self._next: dict[str, float] = {}

    def passes(self, key: str) -> bool:
        now = self._clock()
        if self._next.get(key, now) > now:
            return False
        if len(self._next) >= _MOST_KEYS:
            self._next.clear()
        self._next[key] = now + self._interval
        return True
