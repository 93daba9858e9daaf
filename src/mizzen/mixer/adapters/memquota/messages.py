"""What processes that share a ledger say to each other: arrays in MessagePack, one after the other.

| question | answer |
|---|---|
| number, `TAKE`, the fields of a `Take` | number, amount, seconds |
| number, `HOLD`, stores, memories with their periods | number, the hold's number, 0 |
| number, `RELEASE`, the hold's number | number, 0, 0 |

Instead of the last two fields an answer may have nil and the text of a failure. Both ends are processes of one Mixer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack

TAKE, HOLD, RELEASE = 0, 1, 2
_MOST_BYTES = 64 << 20
"""Dimensions come from a request, whose size is bounded; beyond this something is broken."""


def pack(*fields: object) -> bytes:
    packed: bytes = msgpack.packb(fields)
    return packed


class Messages:
    """Messages from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._unpacker: Any = msgpack.Unpacker(max_buffer_size=_MOST_BYTES, use_list=True)

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        """The messages that are complete now. ValueError for bytes that are none."""
        try:
            self._unpacker.feed(data)
            yield from self._unpacker
        except (msgpack.UnpackException, msgpack.BufferFull, UnicodeDecodeError) as error:
            raise ValueError(f"is no message: {error}") from error
