"""The ways of the three signals from an instance to the collector. This module imports OpenTelemetry's packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1 import trace_pb2
from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.otlp import logs, metrics, traces
from mizzen.mixer.adapters.otlp.params import OtlpParams
from mizzen.mixer.adapters.otlp.transport import Transport, open_transport
from mizzen.mixer.adapters.outbox import CLOSE_S, Outbox, OutboxLimits
from mizzen.mixer.adapters.results import PartialReportError
from mizzen.mixer.adapters.spans import is_sampled, span_of
from mizzen.mixer.templates import LogEntry, Metric, TraceSpan

_METRIC_REQUESTS = 4
_SHORTEST_CLOSE_S = 0.2
_SERVICE = "mizzen"


class Pipelines:
    """The connection and the pipelines of one handler."""

    def __init__(self, params: OtlpParams, environment: Environment, registry: CollectorRegistry) -> None:
        self._transport = open_transport(params)
        self._monotonic = environment.monotonic
        common = dict(params.resource_attributes)
        own = {"service.name": _SERVICE, **common}
        self.logs = _Logs(params, environment, registry, self._transport, own)
        self.spans = _Spans(params, environment, registry, self._transport, common)
        self.metrics = _Metrics(params, environment, registry, self._transport) if params.metrics else None

    def close(self) -> None:
        end = self._monotonic() + CLOSE_S
        if self.metrics:
            self.metrics.close()
        for outbox in (self.spans.outbox, self.logs.outbox):
            outbox.close(max(end - self._monotonic(), _SHORTEST_CLOSE_S))
        self._transport.close()


def _limits(params: OtlpParams) -> OutboxLimits:
    return OutboxLimits(
        capacity=params.queue_size,
        interval=params.push_interval / 1e9,
        timeout=params.timeout / 1e9,
        batch_items=params.batch_size,
    )


class _Logs:
    def __init__(
        self,
        params: OtlpParams,
        environment: Environment,
        registry: CollectorRegistry,
        transport: Transport,
        common: Mapping[str, str],
    ) -> None:
        self._now = environment.now

        def send(batch: Sequence[LogRecord], timeout: float) -> int:
            answer = transport.send(logs.METHOD, logs.PATH, logs.request_of(batch, common), timeout)
            return logs.refused_of(answer)

        self.outbox: Outbox[LogRecord] = Outbox("otlp_logs", environment, registry, _limits(params), send)

    def report(self, entries: Sequence[LogEntry]) -> None:
        now = self._now()
        for entry in entries:
            self.outbox.add(logs.message_of(entry, now))


class _Spans:
    def __init__(
        self,
        params: OtlpParams,
        environment: Environment,
        registry: CollectorRegistry,
        transport: Transport,
        common: Mapping[str, str],
    ) -> None:
        self._probability = params.sample_probability

        def send(batch: traces.Spans, timeout: float) -> int:
            answer = transport.send(traces.METHOD, traces.PATH, traces.request_of(batch, common), timeout)
            return traces.refused_of(answer)

        self.outbox: Outbox[tuple[str, trace_pb2.Span]] = Outbox(
            "otlp_spans", environment, registry, _limits(params), send
        )
        skipped = Counter(
            "mizzen_otlp_spans_skipped", "Spans that are not sent, by reason", ["handler", "reason"], registry=registry
        )
        self._unsampled = skipped.labels(environment.handler, "unsampled")
        self._without_trace = skipped.labels(environment.handler, "without_trace")

    def report(self, instances: Sequence[TraceSpan]) -> None:
        for instance in instances:
            span = span_of(instance)
            if span is None:
                self._without_trace.inc()
            elif not is_sampled(span.trace_id, self._probability):
                self._unsampled.inc()
            else:
                self.outbox.add((span.local_name, traces.message_of(span)))


class _Metrics:
    def __init__(
        self, params: OtlpParams, environment: Environment, registry: CollectorRegistry, transport: Transport
    ) -> None:
        self._meters = metrics.Meters(params, {"service.name": _SERVICE, **params.resource_attributes})
        refused = Counter(
            "mizzen_otlp_points_refused", "Points that the collector did not take", ["handler"], registry=registry
        ).labels(environment.handler)

        def send(batch: Sequence[bytes], timeout: float) -> None:
            for request in batch:
                refused.inc(metrics.refused_of(transport.send(metrics.METHOD, metrics.PATH, request, timeout)))

        seconds = params.timeout / 1e9
        # A request is a batch of its own, sent as soon as it is there.
        limits = OutboxLimits(_METRIC_REQUESTS, seconds, seconds, batch_items=1, drops_oldest=True)
        self._outbox: Outbox[bytes] = Outbox("otlp_metric_requests", environment, registry, limits, send)
        self._task = environment.scheduler.every(
            params.metrics_interval / 1e9, self._push, name=f"{environment.handler} metrics"
        )

    def report(self, instances: Sequence[Metric]) -> None:
        errors: list[str] = []
        for instance in instances:
            try:
                self._meters.take(instance)
            except ValueError as error:
                errors.append(f"{instance.name}: {error}")
        if errors:
            distinct = "; ".join(list(dict.fromkeys(errors))[:5])
            raise PartialReportError(f"{len(errors)} of {len(instances)} metrics were not taken: {distinct}")

    def close(self) -> None:
        self._task.cancel()
        self._push()
        self._outbox.close()
        self._meters.close()

    def _push(self) -> None:
        request = self._meters.request()
        if request:
            self._outbox.add(request)
