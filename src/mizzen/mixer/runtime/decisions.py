"""Refusals and failed Checks that can be looked up later by the id that was sent with them.

They are in memory, in bounded rings: the oldest ones go first and are counted. Failures have a ring of their own, so
that an outage does not push out the refusals. Values of attributes are kept only when that was asked for; otherwise
there are names alone, and neither the text of the status, because adapters put values into it.
"""

from __future__ import annotations

import heapq
import itertools
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mizzen.mixer.adapters import Code
from mizzen.mixer.expr import Timestamp
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.ring import Entry, Ring

_MOST_REFERENCES = 64
_LONGEST_TEXT = 256
_ENTRY_BYTES = 600
"""What an entry takes beside its texts, roughly."""


@dataclass(frozen=True)
class DecisionSettings:
    """`entries` is the most refusals that are kept, and the most failures, 0: none, and then neither has an id. `bytes`
    bounds the texts of each.

    With `values` the referenced attributes' values and the status text are kept. `header` is a response header that
    tells the refused client the id; empty: none does.
    """

    entries: int = 1000
    bytes: int = 4 << 20
    values: bool = False
    header: str = ""


@dataclass(slots=True)
class Refused:
    """One handler's refusal."""

    rule: str
    match: str
    handler: str
    instance: str
    code: int
    message: str


@dataclass(slots=True)  # frozen ones take four times as long to make
class Refusal:
    """One refused Check; not changed once it is made."""

    id: str
    time_ns: int
    snapshot: int
    namespace: str
    code: int
    message: str
    valid_for: float
    uses: int
    rules: Sequence[str]
    refused: Sequence[Refused]
    quotas: Sequence[str]
    referenced: Sequence[tuple[str, str | None, str]]
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes it takes, roughly."""
        size = _ENTRY_BYTES + len(self.message) + len(self.namespace)
        for text in (*self.rules, *self.quotas):
            size += len(text)
        for one in self.refused:
            size += len(one.rule) + len(one.handler) + len(one.instance) + len(one.message)
        for name, key, _ in self.referenced:
            size += len(name) + len(key or "")
        for value in self.values.values():
            size += len(value) if isinstance(value, str) else 32
        return size

    def to_dict(self, *, values: bool) -> Mapping[str, Any]:
        """For JSON. Without `values` the texts of statuses are left out as well."""
        status = _status(self.code, self.message if values else None)
        entry: dict[str, Any] = {
            "id": self.id,
            "time": str(Timestamp(self.time_ns)),
            "snapshot": self.snapshot,
            "namespace": self.namespace,
            "status": status,
            "valid_for": self.valid_for,
            "uses": self.uses,
            "rules": list(self.rules),
            "refused_by": [
                {
                    "rule": one.rule,
                    "match": one.match,
                    "handler": one.handler,
                    "instance": one.instance,
                    "status": _status(one.code, one.message if values else None),
                }
                for one in self.refused
            ],
            "referenced": [
                {"name": name, "key": key, "condition": condition} for name, key, condition in self.referenced
            ],
        }
        if self.quotas:
            entry["refused_quotas"] = list(self.quotas)
        return entry | ({"values": dict(self.values)} if values else {})


@dataclass(slots=True)
class Failed:
    """One Check that ended without a decision; not changed once it is made. `failed_by` are handlers and instances."""

    id: str
    time_ns: int
    snapshot: int
    namespace: str
    code: int
    message: str
    failed_by: Sequence[str] = ()

    @property
    def size(self) -> int:
        return _ENTRY_BYTES + len(self.message) + len(self.namespace) + sum(map(len, self.failed_by))

    def to_dict(self, *, values: bool) -> Mapping[str, Any]:
        return {
            "id": self.id,
            "time": str(Timestamp(self.time_ns)),
            "snapshot": self.snapshot,
            "namespace": self.namespace,
            "failed": True,
            "status": _status(self.code, self.message if values else None),
            "failed_by": list(self.failed_by),
        }


class Decisions:
    """The rings. Safe to use from several threads; adding takes a few microseconds, and an OK never comes here."""

    def __init__(
        self,
        settings: DecisionSettings,
        metrics: RuntimeMetrics,
        now: Callable[[], int] = time.time_ns,
        process: str | None = None,
    ) -> None:
        self.settings = settings
        self._metrics = metrics
        self._now = now
        self._process = process if process is not None else secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._refusals: Ring[Refusal] = Ring(settings.entries, settings.bytes, metrics.decisions_evicted.inc)
        self._failures: Ring[Failed] = Ring(settings.entries, settings.bytes, metrics.decisions_evicted.inc)
        metrics.decisions_kept.set_function(lambda: len(self._refusals) + len(self._failures))

    @property
    def is_on(self) -> bool:
        return self.settings.entries > 0

    def next_id(self) -> str:
        """An id that no other refusal of any process has: the process's random part and a number."""
        return f"{self._process}-{next(self._numbers):x}"

    def now(self) -> int:
        return self._now()

    def add(self, refusal: Refusal) -> None:
        """Keeps `refusal`; the oldest ones make room."""
        self._refusals.add(refusal)

    def failed(
        self, code: int, message: str, failed_by: Sequence[str] = (), snapshot: int = 0, namespace: str = ""
    ) -> str | None:
        """Keeps a Check that ended with the gRPC status `code`; its id, or None where nothing is kept."""
        if not self.is_on:
            return None
        names = [shorten(name) for name in failed_by[:_MOST_REFERENCES]]
        failure = Failed(self.next_id(), self._now(), snapshot, namespace, code, shorten(message), names)
        self._failures.add(failure)
        return failure.id

    def get(self, identity: str) -> Mapping[str, Any] | None:
        """The refusal or failure, for JSON; None when it is not known or not any more."""
        found = self._refusals.get(identity) or self._failures.get(identity)
        return found.to_dict(values=self.settings.values) if found is not None else None

    def latest(self, most: int = 100) -> Mapping[str, Any]:
        """The newest first, for JSON."""
        each: tuple[Sequence[Entry], ...] = (self._refusals.latest(most), self._failures.latest(most))
        found = heapq.merge(*each, key=lambda entry: entry.time_ns, reverse=True)
        return {
            "decisions": [entry.to_dict(values=self.settings.values) for entry in itertools.islice(found, most)],
            "kept": len(self._refusals) + len(self._failures),
            "values": self.settings.values,
        }


def shorten(text: str) -> str:
    """A text of bounded length."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def few(references: Sequence[tuple[str, str | None, str]]) -> Sequence[tuple[str, str | None, str]]:
    """References of bounded number and length."""
    first = references[:_MOST_REFERENCES]
    if all(len(name) <= _LONGEST_TEXT and (key is None or len(key) <= _LONGEST_TEXT) for name, key, _ in first):
        return first
    return [(shorten(name), None if key is None else shorten(key), condition) for name, key, condition in first]


def place(name: str, key: str | None) -> str:
    """An attribute or a key of a map, as expressions write it."""
    return name if key is None else f'{name}["{key}"]'


def code_name(code: int) -> str:
    """The name of a status code, or its number."""
    return Code(code).name if code in Code._value2member_map_ else str(code)


def _status(code: int, message: str | None) -> Mapping[str, Any]:
    return {"code": code, "name": code_name(code)} | ({} if message is None else {"message": message})
