"""What a collector says of a request that it took."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError


def refused_of(response: type[Any], field: str, answer: bytes) -> int:
    """How many items of the request were not taken: `field` of the partial success in an answer of type `response`.

    An answer that cannot be read stands beside a status that says success, and counts as one.
    """
    try:
        count: int = getattr(response.FromString(answer).partial_success, field)
    except DecodeError:
        return 0
    return max(0, count)
