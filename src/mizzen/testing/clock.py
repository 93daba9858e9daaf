"""A clock that moves only when told."""

from __future__ import annotations


class FakeClock:
    """Seconds as floats, monotonic: `now()` or calling the instance reads, `advance()` moves."""

    def __init__(self, start: float = 0.0) -> None:
        self.seconds = start

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> float:
        """Move forward and return the new time; a negative step raises `ValueError`."""
        if seconds < 0:
            raise ValueError(f"a monotonic clock cannot move by {seconds} s")
        self.seconds += seconds
        return self.seconds
