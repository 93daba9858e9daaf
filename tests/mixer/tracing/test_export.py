from __future__ import annotations

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from prometheus_client import CollectorRegistry

from mizzen.mixer.tracing.export import OtlpExporter


def span() -> ReadableSpan:
    made = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("one")
    made.end()
    assert isinstance(made, ReadableSpan)
    return made


class Receiver:
    """Answers with `status` and keeps what it got."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.got: list[tuple[str, ExportTraceServiceRequest]] = []
        self.registry = CollectorRegistry()

    def exporter(self, endpoint: str) -> OtlpExporter:
        return OtlpExporter(endpoint, self.registry, httpx.Client(transport=httpx.MockTransport(self._answer)))

    def count(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("mizzen_mixer_tracing_spans_total", {"outcome": outcome})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == "application/x-protobuf"
        self.got.append((request.url.path, ExportTraceServiceRequest.FromString(request.content)))
        return httpx.Response(self.status)


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        ("http://a:4318", "/v1/traces"),
        ("http://a:4318/", "/v1/traces"),
        ("https://a/otlp/traces", "/otlp/traces"),
    ],
)
def test_spans_are_sent_and_counted(endpoint: str, path: str) -> None:
    receiver = Receiver()
    assert receiver.exporter(endpoint).export([span()]) is SpanExportResult.SUCCESS
    ((got_path, request),) = receiver.got
    assert got_path == path
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "one"
    assert (receiver.count("sent"), receiver.count("dropped")) == (1, 0)


def test_spans_that_are_refused_are_dropped_and_counted() -> None:
    receiver = Receiver(503)
    assert receiver.exporter("http://a").export([span(), span()]) is SpanExportResult.FAILURE
    assert (receiver.count("sent"), receiver.count("dropped")) == (0, 2)
