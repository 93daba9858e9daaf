"""otlp: metrics, logs and traces by the OpenTelemetry protocol."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from prometheus_client import CollectorRegistry

from mizzen.config.errors import NO_VALUE
from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.otlp.params import MetricParams, OtlpParams
from mizzen.mixer.adapters.prometheus.params import Kind
from mizzen.mixer.adapters.results import AdapterError, PartialReportError
from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import Instance, InstanceTypes, Metric, Problem, TraceSpan

_NUMERIC = frozenset([ValueType.INT64, ValueType.DOUBLE, ValueType.DURATION, ValueType.STRING])


class OtlpAdapter(Adapter):
    """Hands instances to three pipelines that send in the background: no report waits for the collector.

    Needs OpenTelemetry's packages (`pip install mizzen[otlp]`).
    """

    name = "otlp"
    templates = frozenset(["logentry", "metric", "tracespan"])
    Params = OtlpParams

    def __init__(self, params: OtlpParams, environment: Environment) -> None:
        super().__init__(params, environment)
        try:
            from mizzen.mixer.adapters.otlp.pipelines import Pipelines
        except ImportError:
            raise AdapterError("otlp needs OpenTelemetry's packages: pip install 'mizzen[otlp]'") from None
        self.registry = CollectorRegistry()
        self._pipelines = Pipelines(params, environment, self.registry)

    @classmethod
    def validate(cls, params: OtlpParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return list(_problems_of(params, instances))

    def report(self, instances: Sequence[Instance]) -> None:
        first = instances[0]
        if isinstance(first, TraceSpan):
            self._pipelines.spans.report(cast(Any, instances))
        elif not isinstance(first, Metric):
            self._pipelines.logs.report(cast(Any, instances))
        elif self._pipelines.metrics:
            self._pipelines.metrics.report(cast(Any, instances))
        else:
            raise PartialReportError("could not find metric info from adapter config")

    def close(self) -> None:
        self._pipelines.close()


def _problems_of(params: OtlpParams, instances: Mapping[str, InstanceTypes]) -> Iterator[Problem]:
    fed: set[str] = set()
    names: set[str] = set()
    for index, metric in enumerate(params.metrics):
        place = ("metrics", index)
        if metric.instance_name in fed:
            yield Problem((*place, "instance_name"), metric.instance_name, "has a metric already", "one per instance")
        fed.add(metric.instance_name)
        name = (metric.name or metric.instance_name).lower()
        if name in names:
            yield Problem((*place, "name"), name, "is given twice", "each name once; upper and lower case are the same")
        names.add(name)
        yield from _problems_of_metric(metric, place)
        types = instances.get(metric.instance_name)
        value = types.values.get("value", ValueType.UNSPECIFIED) if types else None
        if value is not None and value not in _NUMERIC:
            reason = f"has a value of type {value}, which is no number"
            accepted = "a value of type INT64, DOUBLE, DURATION or a numeric STRING"
            yield Problem((*place, "instance_name"), metric.instance_name, reason, accepted)
    for name, types in sorted(instances.items()):
        if types.template == "metric" and name not in fed:
            reason = f"has no entry for the instance {name}, which a rule sends here"
            yield Problem(("metrics",), NO_VALUE, reason, f"an entry with instance_name {name}")


def _problems_of_metric(metric: MetricParams, place: tuple[str, int]) -> Iterator[Problem]:
    if metric.kind is Kind.UNSPECIFIED:
        yield Problem((*place, "kind"), NO_VALUE, "is not given", "GAUGE, COUNTER or DISTRIBUTION")
    if metric.buckets is None:
        return
    if metric.kind is not Kind.DISTRIBUTION:
        yield Problem((*place, "buckets"), NO_VALUE, "is only for a DISTRIBUTION", "no buckets, or kind DISTRIBUTION")
    bounds = metric.buckets.upper_bounds()
    finite = bounds[:-1] if bounds[-1] == math.inf else bounds
    if not all(map(math.isfinite, finite)) or any(low >= high for low, high in itertools.pairwise(finite)):
        yield Problem((*place, "buckets"), list(bounds), "do not rise", "finite bounds, each above the last")
