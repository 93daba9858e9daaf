"""Trace spans as the tracing adapters send them: identities as bytes, both sides of a hop kept apart, sampling.

The rules are those of Istio's tracing adapters; see `span_of` and `is_sampled`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from mizzen.mixer.adapters.texts import to_address
from mizzen.mixer.templates import TraceSpan, Values

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
_REWRITE = bytes.fromhex("3f6a2ec3c810c2ab")
_DEFAULT_NAME = "default"
_HEX = re.compile(r"[0-9a-fA-F]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """One side of a hop. Identities are right-aligned; times are nanoseconds since 1970, `end` not before `start`."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    name: str
    is_client: bool
    start: int
    end: int
    http_status: int
    tags: Values
    local_name: str
    local_ip: bytes | None
    peer_name: str
    peer_ip: bytes | None
    request_size: int
    request_total_size: int
    response_size: int
    response_total_size: int
    api_protocol: str


def span_of(instance: TraceSpan) -> Span | None:
    """The span of an instance; None if its trace or span identity is no hexadecimal number other than 0 of a fitting
    length, or it has no time.

    A parent that is none of those is no parent. With `rewrite_client_span_id` the two sides of a hop, which report one
    identity, get two: the client's is changed, and becomes the parent of the server's.
    """
    trace_id = _identity(instance.trace_id, TRACE_ID_BYTES)
    span_id = _identity(instance.span_id, SPAN_ID_BYTES)
    moment = instance.start_time or instance.end_time
    if trace_id is None or span_id is None or moment is None:
        return None
    parent_id = _identity(instance.parent_span_id, SPAN_ID_BYTES)
    is_client = instance.client_span
    if instance.rewrite_client_span_id:
        rewritten = bytes(one ^ other for one, other in zip(span_id, _REWRITE, strict=True))
        if is_client:
            span_id = rewritten
        else:
            parent_id = rewritten
    source = (instance.source_name or _DEFAULT_NAME, instance.source_ip)
    destination = (instance.destination_name or _DEFAULT_NAME, instance.destination_ip)
    local, peer = (source, destination) if is_client else (destination, source)
    end = instance.end_time or moment
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        name=instance.span_name,
        is_client=is_client,
        start=moment.nanoseconds,
        end=max(moment.nanoseconds, end.nanoseconds),
        http_status=instance.http_status_code,
        tags=instance.span_tags,
        local_name=local[0],
        local_ip=local[1],
        peer_name=peer[0],
        peer_ip=peer[1],
        request_size=instance.request_size,
        request_total_size=instance.request_total_size,
        response_size=instance.response_size,
        response_total_size=instance.response_total_size,
        api_protocol=instance.api_protocol,
    )


def known_address(ip: bytes | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address of a side; None for bytes that are none, and for `0.0.0.0` and `::`, which stand for not known."""
    address = to_address(ip) if ip else None
    return None if address is None or address.is_unspecified else address


def is_sampled(trace_id: bytes, probability: float) -> bool:
    """The same answer for one trace wherever it is asked: the last 8 bytes of the identity as a number, compared with
    that share of all numbers, as OpenTelemetry's TraceIdRatioBased does."""
    return int.from_bytes(trace_id[-8:], "big") < round(probability * 2**64)


def _identity(text: str, size: int) -> bytes | None:
    if len(text) > 2 * size or not _HEX.fullmatch(text):
        return None
    number = int(text, 16)
    return number.to_bytes(size, "big") if number else None
