"""Log entries to events of the forward protocol, and events to messages (mode PackedForward)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgpack

from mizzen.mixer.adapters.texts import json_value, stringify
from mizzen.mixer.expr import Duration, Value
from mizzen.mixer.templates import LogEntry

_EVENT_TIME = 0
_TAG = "tag"


class Event(NamedTuple):
    """`packed` is the entry `[time, record]` in MessagePack."""

    tag: str
    packed: bytes

    @property
    def size(self) -> int:
        return len(self.packed) + len(self.tag)


def event_of(entry: LogEntry, now: int, integer_duration: bool) -> Event:
    """The event of an entry; `now` (nanoseconds since 1970) is the time of one that has none."""
    record = {name: _field(value, integer_duration) for name, value in entry.variables.items() if name != _TAG}
    tag = stringify(entry.variables.get(_TAG))
    if tag:
        record["name"] = entry.name
    record["severity"] = entry.severity
    time = _event_time(entry.timestamp.nanoseconds if entry.timestamp else now)
    return Event(tag or entry.name, _pack([time, record]))


def messages_of(events: Iterable[Event], chunks: Iterable[str] | None) -> list[tuple[bytes, str]]:
    """One message per tag, with the identity that the server acknowledges ("" without `chunks`)."""
    by_tag: dict[str, list[bytes]] = {}
    for event in events:
        by_tag.setdefault(event.tag, []).append(event.packed)
    identities = iter(chunks) if chunks is not None else None
    messages = []
    for tag, packed in by_tag.items():
        option: dict[str, Any] = {"size": len(packed)}
        chunk = next(identities) if identities else ""
        if chunk:
            option["chunk"] = chunk
        messages.append((_pack([tag, b"".join(packed), option]), chunk))
    return messages


def _field(value: Value | None, integer_duration: bool) -> Any:
    if isinstance(value, Duration) and integer_duration:
        milliseconds = abs(value.nanoseconds) // 1_000_000
        return milliseconds if value.nanoseconds >= 0 else -milliseconds
    if isinstance(value, float):  # MessagePack has infinities and NaN, which JSON lacks
        return value
    shown = json_value(value)
    return dict(shown) if isinstance(shown, Mapping) else shown


def _event_time(nanoseconds: int) -> object:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if 0 <= seconds < 2**32:
        return msgpack.ExtType(_EVENT_TIME, struct.pack(">II", seconds, rest))
    return seconds  # the protocol's other form of a time, which has no such limits


def _pack(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, unicode_errors="replace")
    return packed
