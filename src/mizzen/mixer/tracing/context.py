"""To which span of which trace a call belongs, by its headers: W3C's first, then B3's single one, then its several."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_W3C = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_B3 = re.compile(r"([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?")
_TRACE = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
_SPAN = re.compile(r"[0-9a-f]{16}")
_SAMPLED = 1


@dataclass(frozen=True)
class Parent:
    """The caller's span; both identities are other than 0."""

    trace_id: int
    span_id: int


def sampled_parent(headers: Mapping[str, str]) -> Parent | None:
    """The parent of a call in a sampled trace; None for every other call, and for headers that are none of these."""
    w3c = _W3C.fullmatch(headers.get("traceparent", ""))
    if w3c and w3c[1] != "ff" and (w3c[1] != "00" or w3c[5] is None):
        return _parent(w3c[2], w3c[3]) if int(w3c[4], 16) & _SAMPLED else None
    single = _B3.fullmatch(headers.get("b3", "").lower())
    if single:
        return _parent(single[1], single[2]) if single[3] in ("1", "d") else None
    trace, span = headers.get("x-b3-traceid", "").lower(), headers.get("x-b3-spanid", "").lower()
    if headers.get("x-b3-sampled", "").lower() in ("1", "true") and _TRACE.fullmatch(trace) and _SPAN.fullmatch(span):
        return _parent(trace, span)
    return None


def _parent(trace: str, span: str) -> Parent | None:
    parent = Parent(int(trace, 16), int(span, 16))
    return parent if parent.trace_id and parent.span_id else None
