"""Metrics: the OpenTelemetry SDK adds them up, and its encoder makes the requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    LastValueAggregation,
    SumAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

from mizzen.mixer.adapters.otlp import answers
from mizzen.mixer.adapters.otlp.params import MetricParams, OtlpParams, Temporality
from mizzen.mixer.adapters.prometheus.params import DEFAULT_BOUNDS, Kind
from mizzen.mixer.adapters.texts import stringify, to_number
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Metric

METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
PATH = "/v1/metrics"

_Attribute = str | int | float | bool
_Take = Callable[[float, Mapping[str, _Attribute]], None]


class Meters:
    """The instruments of one handler. Safe to share between threads."""

    def __init__(self, params: OtlpParams, resource: Mapping[str, str]) -> None:
        delta = params.metrics_temporality is Temporality.DELTA
        temporality = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
        self._reader = InMemoryMetricReader(preferred_temporality={Counter: temporality, Histogram: temporality})
        self._provider = MeterProvider(
            [self._reader],
            Resource(dict(resource)),
            shutdown_on_exit=False,
            views=[_view(metric, params.max_series) for metric in params.metrics],
        )
        meter = self._provider.get_meter("mizzen")
        self._takers: dict[str, tuple[Kind, _Take]] = {}
        for metric in params.metrics:
            name = name_of(metric)
            take: _Take
            if metric.kind is Kind.COUNTER:
                take = meter.create_counter(name, metric.unit, metric.description).add
            elif metric.kind is Kind.GAUGE:
                take = meter.create_gauge(name, metric.unit, metric.description).set
            else:
                take = meter.create_histogram(name, metric.unit, metric.description).record
            self._takers[metric.instance_name] = (metric.kind, take)

    def take(self, instance: Metric) -> None:
        """ValueError says what is wrong with the instance."""
        kind, take = self._takers.get(instance.name, (Kind.UNSPECIFIED, None))
        if take is None:
            raise ValueError("could not find metric info from adapter config")
        number = to_number(instance.value)
        if not math.isfinite(number) or (number < 0 and kind is Kind.COUNTER):
            raise ValueError(f"{stringify(instance.value)} cannot be added to a {kind.name}")
        take(number, {name: _attribute(value) for name, value in instance.dimensions.items() if value is not None})

    def request(self) -> bytes:
        """The request with all metrics as they are now; empty if there are none."""
        data = self._reader.get_metrics_data()
        if data is None or not any(scope.metrics for group in data.resource_metrics for scope in group.scope_metrics):
            return b""
        encoded: ExportMetricsServiceRequest = encode_metrics(data)
        return encoded.SerializeToString()

    def close(self) -> None:
        self._provider.shutdown()


def name_of(metric: MetricParams) -> str:
    return metric.name or metric.instance_name


def refused_of(answer: bytes) -> int:
    """How many points the collector did not take, by its answer."""
    return answers.refused_of(ExportMetricsServiceResponse, "rejected_data_points", answer)


def _view(metric: MetricParams, max_series: int) -> View:
    aggregation: Aggregation
    if metric.kind is Kind.DISTRIBUTION:
        bounds = metric.buckets.upper_bounds() if metric.buckets else DEFAULT_BOUNDS
        aggregation = ExplicitBucketHistogramAggregation([bound for bound in bounds if math.isfinite(bound)])
    else:
        aggregation = LastValueAggregation() if metric.kind is Kind.GAUGE else SumAggregation()
    return View(instrument_name=name_of(metric), aggregation=aggregation, aggregation_cardinality_limit=max_series)


def _attribute(value: Value) -> _Attribute:
    return value if isinstance(value, str | bool | int | float) else stringify(value)
