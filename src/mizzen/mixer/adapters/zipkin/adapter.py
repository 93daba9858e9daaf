"""zipkin: trace spans to a Zipkin collector, as JSON of its API v2."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import httpx
from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.client_tls import tls_context
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.outbox import Outbox, OutboxLimits, RefusedError, SendError
from mizzen.mixer.adapters.spans import Span, is_sampled, span_of
from mizzen.mixer.adapters.zipkin.documents import document_of
from mizzen.mixer.adapters.zipkin.params import ZipkinParams
from mizzen.mixer.templates import Instance, TraceSpan

_SHOWN = 200
_RETRIED_STATUS = frozenset([408, 429, 500, 502, 503, 504])


class ZipkinAdapter(Adapter):
    """Queues the spans of sampled traces; the background sends them in batches."""

    name = "zipkin"
    templates = frozenset(["tracespan"])
    Params = ZipkinParams

    def __init__(self, params: ZipkinParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._url = params.url
        self._probability = params.sample_probability
        verify = tls_context(params.tls) if params.url.startswith("https:") else True
        self._client = httpx.Client(headers={"content-type": "application/json"}, verify=verify, trust_env=False)
        self._extensions = {"sni_hostname": params.tls.server_name} if params.tls.server_name else {}
        self.registry = CollectorRegistry()
        skipped = Counter(
            "mizzen_zipkin_spans_skipped",
            "Spans that are not sent, by reason",
            ["handler", "reason"],
            registry=self.registry,
        )
        self._unsampled = skipped.labels(environment.handler, "unsampled")
        self._without_trace = skipped.labels(environment.handler, "without_trace")
        limits = OutboxLimits(
            capacity=params.queue_size,
            interval=params.push_interval / 1e9,
            timeout=params.timeout / 1e9,
            batch_items=params.batch_size,
        )
        self._outbox: Outbox[Span] = Outbox("zipkin_spans", environment, self.registry, limits, self._send)
        if not params.sample_probability:
            environment.logger.warning("zipkin sends nothing: sample_probability is 0", handler=environment.handler)

    def report(self, instances: Sequence[Instance]) -> None:
        for instance in instances:
            span = span_of(cast(TraceSpan, instance))
            if span is None:
                self._without_trace.inc()
            elif not is_sampled(span.trace_id, self._probability):
                self._unsampled.inc()
            else:
                self._outbox.add(span)

    def close(self) -> None:
        self._outbox.close()
        self._client.close()

    def _send(self, spans: Sequence[Span], timeout: float) -> None:
        body = json.dumps([document_of(span) for span in spans], separators=(",", ":")).encode()
        try:
            response = self._client.post(self._url, content=body, timeout=timeout, extensions=self._extensions)
        except httpx.HTTPError as error:
            raise SendError(f"{type(error).__name__}: {error}") from None
        if response.status_code in _RETRIED_STATUS:
            raise SendError(f"status {response.status_code}")
        if not response.is_success:
            raise RefusedError(f"status {response.status_code}: {response.text[:_SHOWN]!r}")
