from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families

from mizzen.mixer.adapters import AdapterError, InstanceGroup, PartialReportError
from mizzen.mixer.adapters.prometheus import PrometheusAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.expr import Duration, Timestamp, Value
from mizzen.mixer.templates import Metric

REQUESTS = {"instance_name": "requests.instance.ns", "name": "requests_total", "kind": "COUNTER"}
LATENCY = {
    "instance_name": "latency.instance.ns",
    "name": "latency_seconds",
    "kind": "DISTRIBUTION",
    "buckets": {"explicit_buckets": {"bounds": [0.1, 1]}},
}
GAUGE = {"instance_name": "level.instance.ns", "name": "level", "kind": "GAUGE"}


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def params_of(*metrics: dict[str, Any], labels: tuple[str, ...] = (), **others: Any) -> dict[str, Any]:
    return {"metrics": [{**metric, "label_names": list(labels)} for metric in metrics], **others}


def samples(handler: PrometheusAdapter) -> dict[str, float]:
    assert handler.registry is not None
    found = {}
    for family in text_string_to_metric_families(generate_latest(handler.registry).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def openmetrics(handler: PrometheusAdapter) -> list[Any]:
    """The families as a strict reader of OpenMetrics sees them."""
    text: bytes = exposition.generate_latest(handler.registry)  # type: ignore[no-untyped-call]
    return list(parser.text_string_to_metric_families(text.decode()))  # type: ignore[no-untyped-call]


def requests(value: Value | None = 1, **dimensions: Value | None) -> Metric:
    return Metric("requests.instance.ns", value, dimensions)


def test_a_counter_adds(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, labels=("code",)))
    handler.report([requests(1, code=200), requests(2, code=200), requests(1.5, code=404)])
    assert samples(handler) == {"istio_requests_total{code=200}": 3.0, "istio_requests_total{code=404}": 1.5}


def test_a_gauge_is_set(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(GAUGE))
    handler.report([Metric("level.instance.ns", value) for value in (5, -2.5)])
    assert samples(handler) == {"istio_level": -2.5}


def test_a_distribution_counts_into_buckets(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(LATENCY))
    values: list[Value] = [Duration(50_000_000), 0.1, "0.5", 7]
    handler.report([Metric("latency.instance.ns", value) for value in values])
    assert samples(handler) == {
        "istio_latency_seconds_bucket{le=0.1}": 2,
        "istio_latency_seconds_bucket{le=1.0}": 3,
        "istio_latency_seconds_bucket{le=+Inf}": 4,
        "istio_latency_seconds_count": 4,
        "istio_latency_seconds_sum": pytest.approx(7.65),
    }


def test_labels_are_the_texts_of_the_dimensions(bench: AdapterBench) -> None:
    dimensions: dict[str, Value | None] = {
        "ip": bytes([10, 0, 0, 1]),
        "time": Timestamp(0),
        "took": Duration(1_500_000_000),
        "map": {"b": "2", "a": "1"},
        "none": None,
        "mtls": True,
        "a.b": "x",
    }
    params = params_of(REQUESTS, labels=("ip", "time", "took", "map", "none", "mtls", "a_b"))
    handler = bench.build(PrometheusAdapter, params)
    handler.report([Metric("requests.instance.ns", 1, dimensions)] * 2)
    labels = "a_b=x,ip=10.0.0.1,map=a=1&b=2,mtls=true,none=,time=1970-01-01T00:00:00.000000Z,took=1.5s"
    assert samples(handler) == {f"istio_requests_total{{{labels}}}": 2.0}


def test_the_order_of_dimensions_does_not_matter(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, labels=("a", "b")))
    handler.report([requests(1, a="1", b="2"), requests(1, b="2", a="1"), requests(1, b="1", a="2")])
    assert samples(handler) == {"istio_requests_total{a=1,b=2}": 2.0, "istio_requests_total{a=2,b=1}": 1.0}


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (requests(-1, code=200), "-1 cannot be added to a COUNTER"),
        (requests(math.nan, code=200), "NaN cannot be added to a COUNTER"),
        (requests(math.inf, code=200), r"\+Inf cannot be added to a COUNTER"),
        (requests("many", code=200), "the value 'many' is not a number"),
        (requests("1_000", code=200), "the value '1_000' is not a number"),
        (requests(True, code=200), "a value of type bool is not a number"),
        (requests(None, code=200), "a value of type null is not a number"),
        (requests(1), "the dimensions do not match the labels of istio_requests_total: no dimension code"),
        (requests(1, code=200, more=1), "no label more"),
        (requests(1, other=1), "no dimension code; no label other"),
        (Metric("unknown.instance.ns", 1), "could not find metric info from adapter config for unknown.instance.ns"),
    ],
)
def test_a_bad_instance_is_an_error_and_the_others_are_taken(bench: AdapterBench, metric: Metric, reason: str) -> None:
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, labels=("code",)))
    for _ in range(2):  # the second time the series is known already
        with pytest.raises(PartialReportError, match=f"^1 of 3 metrics were not taken: .*{reason}"):
            handler.report([requests(1, code=200), metric, requests(1, code=200)])
    assert samples(handler) == {"istio_requests_total{code=200}": 4.0}


def test_errors_are_told_once_each_and_not_without_end(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS))
    bad = [Metric(f"unknown{number % 8}", 1) for number in range(80)]
    with pytest.raises(AdapterError, match=r"^80 of 80 metrics were not taken: .*; and 3 more$"):
        handler.report(bad)


def test_a_distribution_takes_negative_values_but_not_endless_ones(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(LATENCY))
    handler.report([Metric("latency.instance.ns", -1)])
    with pytest.raises(AdapterError, match="cannot be added to a DISTRIBUTION"):
        handler.report([Metric("latency.instance.ns", math.inf)])
    assert samples(handler)["istio_latency_seconds_sum"] == -1


def test_the_exposition_is_valid_in_both_formats(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, LATENCY, GAUGE, labels=("a",)))
    for name in ("requests", "latency", "level"):
        handler.report([Metric(f"{name}.instance.ns", 1, {"a": 'x"\\\n'})])
    assert handler.registry is not None
    text = generate_latest(handler.registry).decode()
    assert "# TYPE istio_requests_total counter" in text
    assert "# TYPE istio_latency_seconds histogram" in text
    assert "# TYPE istio_level gauge" in text
    families = openmetrics(handler)
    assert [family.type for family in families] == ["counter", "histogram", "gauge"]
    assert families[0].samples[0].labels == {"a": 'x"\\\n'}


def test_a_counter_keeps_a_name_that_does_not_end_in_total(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of({**REQUESTS, "name": "double_request_count"}))
    handler.report([requests()])
    assert samples(handler) == {"istio_double_request_count": 1.0}
    assert [family.type for family in openmetrics(handler)] == ["unknown"]


def test_two_instances_add_to_one_metric(bench: AdapterBench) -> None:
    other = {**REQUESTS, "instance_name": "other.instance.ns", "description": "All"}
    handler = bench.build(PrometheusAdapter, params_of({**REQUESTS, "description": "All"}, other))
    handler.report([requests(1), Metric("other.instance.ns", 2)])
    assert samples(handler) == {"istio_requests_total": 3.0}


def test_idle_series_are_removed(bench: AdapterBench) -> None:
    policy = {"metrics_expiry_duration": "10m"}
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, labels=("a",), metrics_expiration_policy=policy))
    assert [task.seconds for task in bench.tasks] == [300.0]
    handler.report([requests(1, a="idle"), requests(1, a="busy")])
    bench.advance(599)
    handler.report([requests(1, a="busy")])
    bench.run_tasks()
    assert len(samples(handler)) == 2
    bench.advance(2)
    bench.run_tasks()
    assert samples(handler) == {"istio_requests_total{a=busy}": 2.0}
    handler.report([requests(1, a="idle"), requests(1, a="busy")])
    assert samples(handler) == {"istio_requests_total{a=busy}": 3.0, "istio_requests_total{a=idle}": 1.0}


def test_the_interval_of_the_expiry_is_a_setting_and_ends_with_the_handler(bench: AdapterBench) -> None:
    policy = {"metricsExpiryDuration": "10m", "expiryCheckIntervalDuration": "7s"}
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, metrics_expiration_policy=policy))
    assert [task.seconds for task in bench.tasks] == [7.0]
    handler.close()
    assert bench.tasks[0].cancelled


def test_without_a_policy_nothing_expires(bench: AdapterBench) -> None:
    bench.build(PrometheusAdapter, params_of(REQUESTS)).close()
    assert bench.tasks == []


def test_a_successor_keeps_the_values_of_metrics_that_did_not_change(bench: AdapterBench) -> None:
    first = bench.build(PrometheusAdapter, params_of(REQUESTS, GAUGE, labels=("a",)))
    first.report([requests(1, a="x"), Metric("level.instance.ns", 5, {"a": "x"})])
    changed = {**GAUGE, "description": "new"}
    second = bench.build(PrometheusAdapter, params_of(REQUESTS, changed, LATENCY, labels=("a",)), predecessor=first)
    first.report([requests(1, a="x")])  # a call that was under way during the exchange
    second.report([requests(1, a="x")])
    first.close()
    assert samples(second) == {"istio_requests_total{a=x}": 3.0}


def test_two_handlers_share_nothing(bench: AdapterBench) -> None:
    one, other = (bench.build(PrometheusAdapter, params_of(REQUESTS)) for _ in range(2))
    one.report([requests()])
    assert samples(one) == {"istio_requests_total": 1.0}
    assert samples(other) == {}


def test_nothing_is_lost_between_threads_scrapes_and_expiry(bench: AdapterBench) -> None:
    policy = {"metrics_expiry_duration": "10m"}
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, labels=("a",), metrics_expiration_policy=policy))
    batch = [requests(1, a=str(number % 7)) for number in range(700)]

    def work() -> None:
        for _ in range(20):
            handler.report(batch)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        samples(handler)
        bench.run_tasks()
    assert sum(samples(handler).values()) == 4 * 20 * 700


@given(st.lists(st.floats(-10, 10), max_size=60))
def test_a_distribution_accounts_for_every_observation(values: list[float]) -> None:
    handler = AdapterBench().build(PrometheusAdapter, params_of(LATENCY))
    handler.report([Metric("latency.instance.ns", 0), *(Metric("latency.instance.ns", value) for value in values)])
    found = samples(handler)
    total = [0.0, *values]
    for bound in (0.1, 1.0, math.inf):
        label = "+Inf" if bound == math.inf else str(bound)
        assert found[f"istio_latency_seconds_bucket{{le={label}}}"] == sum(value <= bound for value in total)
    assert found["istio_latency_seconds_sum"] == pytest.approx(math.fsum(total), abs=1e-9)


def test_only_metrics_whose_order_does_not_matter_are_grouped(bench: AdapterBench) -> None:
    handler = bench.build(PrometheusAdapter, params_of(REQUESTS, LATENCY, GAUGE))
    names = [metric["instance_name"] for metric in (REQUESTS, LATENCY, GAUGE)]
    assert [handler.takes_groups(str(name)) for name in [*names, "unknown"]] == [True, True, False, False]


def failure_of(report: Callable[[Any], None], taken: Any) -> str:
    try:
        report(taken)
    except PartialReportError as error:
        return str(error)
    return ""


numbers = st.one_of(st.integers(-2, 3).map(float), st.sampled_from([0.1, 0.5, math.inf, -math.inf, math.nan]))


@given(st.lists(st.tuples(st.sampled_from(["requests", "latency"]), st.lists(numbers, min_size=1, max_size=4))))
def test_a_group_comes_to_the_same_as_its_instances(groups: list[tuple[str, list[float]]]) -> None:
    handlers = [AdapterBench().build(PrometheusAdapter, params_of(REQUESTS, LATENCY)) for _ in range(2)]
    together = [InstanceGroup(Metric(f"{name}.instance.ns", None, {}), len(values), values) for name, values in groups]
    apart = [Metric(f"{name}.instance.ns", value, {}) for name, values in groups for value in values]
    errors = [failure_of(handlers[0].report_groups, together), failure_of(handlers[1].report, apart)]
    assert errors[0] == errors[1]
    assert samples(handlers[0]) == pytest.approx(samples(handlers[1]))
