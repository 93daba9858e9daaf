"""Answers remembered by deduplication id, in two generations that are exchanged after each period."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Answer(NamedTuple):
    """What was answered: the amount, and until when it is valid (0 for an answer without validity)."""

    amount: int
    expires: float


Id: TypeAlias = tuple[str, str]
"""Instance and deduplication id: one call may ask two instances of the same quota name."""


class Deduplication:
    """Remembers an answer for one to two periods. The caller brings the time and the lock."""

    def __init__(self, period: float, now: float) -> None:
        self.period = period
        self._recent: dict[Id, Answer] = {}
        self._older: dict[Id, Answer] = {}
        self._exchange_at = now + period

    def find(self, key: Id, now: float) -> Answer | None:
        self._exchange(now)
        return self._recent.get(key) or self._older.get(key)

    def remember(self, key: Id, answer: Answer, now: float) -> None:
        self._exchange(now)
        self._recent[key] = answer

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def _exchange(self, now: float) -> None:
        if now < self._exchange_at:
            return
        idle = now >= self._exchange_at + self.period  # nobody asked for a whole period: both are too old
        self._older = {} if idle else self._recent
        self._recent = {}
        self._exchange_at = now + self.period
