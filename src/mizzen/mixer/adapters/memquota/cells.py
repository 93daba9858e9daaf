"""Cells: the units taken from one limit. Pure; the caller brings the time (in seconds) and the lock."""

from __future__ import annotations

from collections import deque
from typing import Protocol

TICK_S = 0.1
"""Amounts taken within one tick are remembered together, so a window of n seconds holds at most 10·n records."""


class Cell(Protocol):
    """Counts the units of one limit."""

    def take(self, amount: int, best_effort: bool, now: float) -> int:
        """Takes up to `amount` (> 0) units: all of them, or with `best_effort` what is left. The number taken."""

    def give_back(self, amount: int, now: float) -> int:
        """Gives up to `amount` (> 0) units back. The number given back."""

    def is_empty(self, now: float) -> bool:
        """Whether no units are taken: a new cell would be the same."""


class UseCounter:
    """Units in use, until they are given back."""

    __slots__ = ("_limit", "_used")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0

    def take(self, amount: int, best_effort: bool, now: float) -> int:
        taken = _grant(amount, self._limit - self._used, best_effort)
        self._used += taken
        return taken

    def give_back(self, amount: int, now: float) -> int:
        given = min(amount, self._used)
        self._used -= given
        return given

    def is_empty(self, now: float) -> bool:
        return self._used == 0


class RollingWindow:
    """Units taken during the last `seconds`. Never more than the limit in any stretch of that length."""

    __slots__ = ("_limit", "_records", "_seconds", "_used")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._used = 0
        self._records: deque[_Record] = deque()

    def take(self, amount: int, best_effort: bool, now: float) -> int:
        self._forget(now)
        taken = _grant(amount, self._limit - self._used, best_effort)
        if taken:
            self._used += taken
            if self._records and now - self._records[-1].first < TICK_S:
                self._records[-1].add(taken, now)
            else:
                self._records.append(_Record(taken, now))
        return taken

    def give_back(self, amount: int, now: float) -> int:
        """The newest units first."""
        self._forget(now)
        wanted = min(amount, self._used)
        self._used -= wanted
        left = wanted
        while left:
            newest = self._records[-1]
            if newest.amount > left:
                newest.amount -= left
                break
            left -= newest.amount
            self._records.pop()
        return wanted

    def is_empty(self, now: float) -> bool:
        self._forget(now)
        return self._used == 0

    def _forget(self, now: float) -> None:
        """A record leaves the window with the last of its units, so units may count up to one tick too long."""
        while self._records and now - self._records[0].last >= self._seconds:
            self._used -= self._records.popleft().amount


class _Record:
    """Units taken between `first` and `last`, less than one tick apart."""

    __slots__ = ("amount", "first", "last")

    def __init__(self, amount: int, now: float) -> None:
        self.amount = amount
        self.first = now
        self.last = now

    def add(self, amount: int, now: float) -> None:
        self.amount += amount
        self.last = now


def make_cell(limit: int, seconds: float) -> Cell:
    """A rolling window, or for 0 seconds a counter of units in use."""
    return RollingWindow(limit, seconds) if seconds else UseCounter(limit)


def _grant(amount: int, available: int, best_effort: bool) -> int:
    if amount <= available:
        return amount
    return max(available, 0) if best_effort else 0
