"""A ring of what was decided, bounded in number and in size: the oldest ones go first."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar


class Entry(Protocol):
    """Something that is kept by its id."""

    id: str
    time_ns: int

    @property
    def size(self) -> int:
        """Bytes it takes, roughly."""

    def to_dict(self, *, values: bool) -> Mapping[str, Any]:
        """For JSON; without `values` nothing in it comes from requests."""


Kept = TypeVar("Kept", bound=Entry)


class Ring(Generic[Kept]):
    """Safe to use from several threads. `evicted` is called for each that made room."""

    def __init__(self, entries: int, most_bytes: int, evicted: Callable[[], None]) -> None:
        self._most = entries
        self._most_bytes = most_bytes
        self._evicted = evicted
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, entry: Kept) -> None:
        """Keeps `entry`; the oldest ones make room."""
        with self._lock:
            self._kept[entry.id] = entry
            self._bytes += entry.size
            while len(self._kept) > self._most or self._bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.size
                self._evicted()

    def get(self, identity: str) -> Kept | None:
        with self._lock:
            return self._kept.get(identity)

    def latest(self, most: int) -> Sequence[Kept]:
        """The newest first."""
        with self._lock:
            return list(itertools.islice(reversed(self._kept.values()), most))
