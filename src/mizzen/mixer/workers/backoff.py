"""When a worker that ended is started again: soon, and later the more often it ends young."""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
OLD_SECONDS = 60.0
"""A worker that lived so long ended for a reason of its own: the count begins anew."""


class Backoff:
    """The pauses of one worker."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after(self, lived_seconds: float) -> float:
        """The pause after a life of so many seconds."""
        if lived_seconds >= OLD_SECONDS:
            self._next = FIRST_SECONDS
        pause = self._next
        self._next = min(LONGEST_SECONDS, pause * 2)
        return pause
