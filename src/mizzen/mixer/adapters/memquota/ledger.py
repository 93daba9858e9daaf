"""The ledger: what is taken of every quota, and what was answered lately. The caller brings the time, in seconds.

A *store* has the cells of one definition of a quota, a *memory* the answers of one handler by deduplication id. Both
live as long as somebody holds them, so that a handler's successor, or another process, goes on where it was.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mizzen.mixer.adapters.memquota.cells import Cell, make_cell
from mizzen.mixer.adapters.memquota.deduplication import Answer, Deduplication


class Take(NamedTuple):
    """Asks for `amount` units (negative: gives them back) of one cell.

    The cell has `limit` units in `seconds`. `memory` and `quota` belong to `deduplication_id`: an empty one is never
    found again.
    """

    store: str
    cell: str
    limit: int
    seconds: float
    amount: int
    best_effort: bool
    memory: str
    quota: str
    deduplication_id: str


class Granted(NamedTuple):
    """Units granted or given back, and for how many seconds."""

    amount: int
    valid_for: float


class Ledger:
    """Safe to use from several threads. Nothing here waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stores: dict[str, dict[str, Cell]] = {}
        self._memories: dict[str, Deduplication] = {}
        self._held: dict[int, frozenset[str]] = {}
        self._holders: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """How many cells there are."""
        with self._lock:
            return sum(map(len, self._stores.values()))

    def hold(self, stores: Iterable[str], memories: Mapping[str, float], now: float) -> int:
        """Keeps the stores, and the memories with their periods in seconds, until `release` of the number returned.

        What nobody held before begins empty.
        """
        with self._lock:
            number = next(self._numbers)
            names = frozenset([*stores, *memories])
            for store in stores:
                self._stores.setdefault(store, {})
            for memory, period in memories.items():
                if memory not in self._memories:
                    self._memories[memory] = Deduplication(period, now)
            self._held[number] = names
            self._holders.update(names)
            return number

    def release(self, number: int) -> None:
        """Forgets what nobody else holds. Calling it twice is fine."""
        with self._lock:
            for name in self._held.pop(number, ()):
                self._holders[name] -= 1
                if self._holders[name] == 0:
                    del self._holders[name]
                    self._stores.pop(name, None)
                    self._memories.pop(name, None)

    def take(self, take: Take, now: float) -> Granted:
        """Counts, or repeats an earlier answer. KeyError for a store or memory that nobody holds."""
        with self._lock:  # held in between, so that two copies of one request are not both counted
            if not take.deduplication_id:
                return self._count(take, now)
            memory, key = self._memories[take.memory], (take.quota, take.deduplication_id)
            seen = memory.find(key, now)
            if seen:
                return Granted(seen.amount, max(seen.expires - now, 0.0))
            granted = self._count(take, now)
            memory.remember(key, Answer(granted.amount, now + granted.valid_for if granted.valid_for else 0.0), now)
            return granted

    def sweep(self, now: float) -> None:
        """Removes the cells that hold nothing."""
        with self._lock:
            for cells in self._stores.values():
                for key in [key for key, cell in cells.items() if cell.is_empty(now)]:
                    del cells[key]

    def _count(self, take: Take, now: float) -> Granted:
        cells = self._stores[take.store]
        cell = cells.get(take.cell)
        if cell is None:
            cell = make_cell(take.limit, take.seconds)
        if take.amount > 0:
            amount = cell.take(take.amount, take.best_effort, now)
            cells[take.cell] = cell
        else:
            amount = cell.give_back(-take.amount, now)
        refused = amount == 0 and not take.best_effort
        return Granted(amount, 0.0 if refused else take.seconds)
