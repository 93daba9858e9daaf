from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition, parser

from mizzen.mixer.adapters.groups import InstanceGroup
from mizzen.mixer.adapters.prometheus import PrometheusAdapter
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.expr import Value, ValueType
from mizzen.mixer.templates import InstanceTypes, Metric

TRACE = "463ac35c9f6413ad48485a3953bb6124"
REQUESTS = {
    "instance_name": "requests.instance.ns",
    "name": "requests_total",
    "kind": "COUNTER",
    "label_names": ["code"],
    "exemplar_labels": {"trace_id": "traceId"},
}
LATENCY = {
    "instance_name": "latency.instance.ns",
    "name": "latency_seconds",
    "kind": "DISTRIBUTION",
    "buckets": {"explicit_buckets": {"bounds": [0.1, 1]}},
    "exemplar_labels": {"trace_id": "traceId", "span_id": "spanId"},
}


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def exemplars(handler: PrometheusAdapter) -> dict[str, Any]:
    """Exemplars by sample as a strict reader of OpenMetrics sees them."""
    text: bytes = exposition.generate_latest(handler.registry)  # type: ignore[no-untyped-call]
    families = parser.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples if sample.exemplar]
    return {sample.name + str(sample.labels.get("le", "")): sample.exemplar for sample in samples}


def requests(trace: Value | None = TRACE, value: Value = 1) -> Metric:
    return Metric("requests.instance.ns", value, {"code": 200, "traceId": trace})


def test_a_counter_keeps_the_last_exemplar(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, {"metrics": [REQUESTS]})
    handler.report([requests("first"), requests(value=3), requests("")])
    found = exemplars(handler)["istio_requests_total"]
    assert (found.labels, found.value) == ({"trace_id": TRACE}, 3.0)
    assert float(found.timestamp) == pytest.approx(bench.now() / 1e9)
    assert handler.registry is not None
    assert 'istio_requests_total{code="200"} 5.0\n' in generate_latest(handler.registry).decode()


def test_a_distribution_keeps_one_for_each_bucket(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, {"metrics": [LATENCY]})
    for value, trace in ((0.05, "a"), (0.5, "b"), (0.6, "c"), (7, "d")):
        handler.report([Metric("latency.instance.ns", value, {"traceId": trace, "spanId": None})])
    found = exemplars(handler)
    assert {name: (entry.labels, entry.value) for name, entry in found.items()} == {
        "istio_latency_seconds_bucket0.1": ({"trace_id": "a"}, 0.05),
        "istio_latency_seconds_bucket1.0": ({"trace_id": "c"}, 0.6),
        "istio_latency_seconds_bucket+Inf": ({"trace_id": "d"}, 7),
    }


def test_groups_have_exemplars_too(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, {"metrics": [REQUESTS, LATENCY]})
    latency = Metric("latency.instance.ns", None, {"traceId": TRACE, "spanId": "1"})
    handler.report_groups([InstanceGroup(requests(), 3), InstanceGroup(latency, 2, [0.5, 0.05])])
    found = exemplars(handler)
    assert found["istio_requests_total"].labels == {"trace_id": TRACE}
    assert found["istio_latency_seconds_bucket0.1"].labels == {"trace_id": TRACE, "span_id": "1"}


def test_many_traces_are_one_series(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, {"metrics": [REQUESTS]})
    handler.report([requests(f"{number:032x}") for number in range(1000)])
    assert len(exemplars(handler)) == 1
    (route,) = handler._routes.values()
    assert len(route._cache) == 1


def test_an_exemplar_that_is_too_long_is_left_out(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, {"metrics": [REQUESTS]})
    handler.report([requests("x" * 121)])
    assert exemplars(handler) == {}
    handler.report([requests("x" * 120)])
    assert len(exemplars(handler)) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"kind": "GAUGE"},
            "are not for this metric; accepted: a DISTRIBUTION, or a COUNTER whose name ends in _total",
        ),
        ({"name": "requests"}, "are not for this metric"),
        ({"exemplar_labels": {"trace-id": "traceId"}}, "'trace-id' is not a label name"),
        (
            {"exemplar_labels": {"trace_id": "trace"}},
            "'trace' is no dimension of requests.instance.ns; accepted: code, t",
        ),
        ({"label_names": ["code", "traceId"]}, "do not match the dimensions of requests.instance.ns"),
    ],
)
def test_what_cannot_be_is_a_problem(bench: AdapterBench, changes: dict[str, Any], problem: str) -> None:
    dimensions = {"code": ValueType.INT64, "traceId": ValueType.STRING}
    types = {"requests.instance.ns": InstanceTypes("metric", {"value": ValueType.INT64}, {"dimensions": dimensions})}
    bench.build(PrometheusAdapter, {"metrics": [REQUESTS]}, instances=types)
    with pytest.raises(InvalidParamsError) as caught:
        bench.build(PrometheusAdapter, {"metrics": [{**REQUESTS, **changes}]}, instances=types)
    assert problem in str(caught.value)


def test_metrics_with_exemplars_are_not_grouped(bench: AdapterBench) -> None:
    plain = {"instance_name": "plain.instance.ns", "kind": "COUNTER"}
    handler = bench.build(PrometheusAdapter, {"metrics": [REQUESTS, plain]})
    assert not handler.takes_groups("requests.instance.ns")
    assert handler.takes_groups("plain.instance.ns")
