"""Spans as Zipkin's API v2 has them."""

from __future__ import annotations

import ipaddress
from typing import Any

from mizzen.mixer.adapters.results import Code
from mizzen.mixer.adapters.spans import Span, known_address
from mizzen.mixer.adapters.texts import stringify

_CODES = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    422: Code.INVALID_ARGUMENT,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    501: Code.UNIMPLEMENTED,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}


def document_of(span: Span) -> dict[str, Any]:
    """The JSON object of a span; a trace identity of 64 bits has 16 digits."""
    document: dict[str, Any] = {
        "traceId": (span.trace_id if any(span.trace_id[:8]) else span.trace_id[8:]).hex(),
        "id": span.span_id.hex(),
        "kind": "CLIENT" if span.is_client else "SERVER",
        "name": span.name,
        "timestamp": span.start // 1000,
        "duration": max(1, (span.end - span.start) // 1000),  # Zipkin takes 0 as unknown
        "localEndpoint": _endpoint(span.local_name, span.local_ip),
        "remoteEndpoint": _endpoint(span.peer_name, span.peer_ip),
        "tags": _tags(span),
        "annotations": _annotations(span),
    }
    if span.parent_id is not None:
        document["parentId"] = span.parent_id.hex()
    return document


def _endpoint(name: str, ip: bytes | None) -> dict[str, str]:
    endpoint = {"serviceName": name}
    address = known_address(ip)
    if address is not None:
        endpoint["ipv4" if isinstance(address, ipaddress.IPv4Address) else "ipv6"] = str(address)
    return endpoint


def _tags(span: Span) -> dict[str, str]:
    """Zipkin knows only texts. A tag of the instance wins over one from its fields."""
    fields = {
        "http.status_code": span.http_status,
        "request.size": span.request_size,
        "request.total_size": span.request_total_size,
        "response.size": span.response_size,
        "response.total_size": span.response_total_size,
    }
    tags = {name: str(number) for name, number in fields.items() if number}
    if span.api_protocol:
        tags["api.protocol"] = span.api_protocol
    if span.http_status and not 200 <= span.http_status < 400:
        tags["error"] = _CODES.get(span.http_status, Code.UNKNOWN).name
    tags.update((name, stringify(value)) for name, value in span.tags.items() if value is not None)
    return tags


def _annotations(span: Span) -> list[dict[str, Any]]:
    """The request and the response as messages that were sent or received."""
    first, second = ("SENT", "RECV") if span.is_client else ("RECV", "SENT")
    return [{"timestamp": span.start // 1000, "value": first}, {"timestamp": span.end // 1000, "value": second}]
