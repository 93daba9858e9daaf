"""Spans as OTLP has them, with the names of the semantic conventions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

from mizzen.mixer.adapters.otlp import answers
from mizzen.mixer.adapters.otlp.values import SCOPE, add_attributes, clean_text, resource_of
from mizzen.mixer.adapters.spans import Span, known_address
from mizzen.mixer.expr import Value

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PATH = "/v1/traces"


def message_of(span: Span) -> trace_pb2.Span:
    """A server's span is an error from status 500 on, a client's from 400 on."""
    kind = trace_pb2.Span.SPAN_KIND_CLIENT if span.is_client else trace_pb2.Span.SPAN_KIND_SERVER
    message = trace_pb2.Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id or b"",
        name=clean_text(span.name),
        kind=kind,
        start_time_unix_nano=max(span.start, 0),
        end_time_unix_nano=max(span.end, 0),
    )
    add_attributes(message.attributes, {**_conventional(span), **span.tags})
    if span.http_status >= (400 if span.is_client else 500):
        message.status.code = trace_pb2.Status.STATUS_CODE_ERROR
    return message


def request_of(spans: Iterable[tuple[str, trace_pb2.Span]], common: Mapping[str, str]) -> bytes:
    """The request with pairs of service name and span; each service is a resource."""
    by_service: dict[str, list[trace_pb2.Span]] = {}
    for service, span in spans:
        by_service.setdefault(service, []).append(span)
    request = ExportTraceServiceRequest()
    for service, messages in by_service.items():
        resource = resource_of({"service.name": service, **common})
        group = request.resource_spans.add(resource=resource)
        group.scope_spans.add(scope=SCOPE, spans=messages)
    return request.SerializeToString()


def refused_of(answer: bytes) -> int:
    """How many spans the collector did not take, by its answer."""
    return answers.refused_of(ExportTraceServiceResponse, "rejected_spans", answer)


def _conventional(span: Span) -> dict[str, Value | None]:
    sizes = {
        "http.request.body.size": span.request_size,
        "http.request.size": span.request_total_size,
        "http.response.body.size": span.response_size,
        "http.response.size": span.response_total_size,
    }
    return {
        "http.response.status_code": span.http_status or None,
        "network.local.address": _address(span.local_ip),
        "network.peer.address": _address(span.peer_ip),
        "peer.service": span.peer_name,
        "network.protocol.name": span.api_protocol or None,
        **{name: size for name, size in sizes.items() if size},
    }


def _address(ip: bytes | None) -> str | None:
    address = known_address(ip)
    return None if address is None else str(address)


Spans = Sequence[tuple[str, trace_pb2.Span]]
"""What waits to be sent: the service of each span, and the span."""
