"""Spans to an OTLP receiver over HTTP, in batches on a thread of OpenTelemetry's."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import structlog
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from prometheus_client import CollectorRegistry, Counter

_SECONDS = 5.0
_PATH = "/v1/traces"
_HEADERS = {"Content-Type": "application/x-protobuf"}


class OtlpExporter(SpanExporter):
    """Sends spans once; those that cannot be sent are dropped and counted."""

    def __init__(self, endpoint: str, registry: CollectorRegistry, client: httpx.Client | None = None) -> None:
        """`endpoint` is like `http://collector:4318`; with a path it is taken as it is."""
        url = httpx.URL(endpoint)
        self._url = url if url.path not in ("", "/") else url.copy_with(path=_PATH)
        self._client = client or httpx.Client(timeout=_SECONDS, trust_env=False)
        self._spans = Counter("mizzen_mixer_tracing_spans", "Spans of the Mixer.", ("outcome",), registry=registry)
        for outcome in ("sent", "dropped"):
            self._spans.labels(outcome)
        self._failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            body = encode_spans(spans).SerializeToString()
            self._client.post(self._url, content=body, headers=_HEADERS).raise_for_status()
        except httpx.HTTPError as error:
            self._spans.labels("dropped").inc(len(spans))
            if not self._failed:
                structlog.get_logger().warning("spans cannot be sent", endpoint=str(self._url.host), error=str(error))
            self._failed = True
            return SpanExportResult.FAILURE
        self._spans.labels("sent").inc(len(spans))
        self._failed = False
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._client.close()
