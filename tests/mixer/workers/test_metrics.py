from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mizzen.mixer.workers.metrics import MergedMetrics


def page(calls: int, size: float, open_calls: int) -> str:
    registry = CollectorRegistry()
    Counter("calls", "Calls.", ("code",), registry=registry).labels("0").inc(calls)
    Histogram("size", "Sizes.", buckets=(1, 10), registry=registry).observe(size)
    Gauge("open", "Open calls.", registry=registry).set(open_calls)
    return generate_latest(registry).decode()


def merged(*pages: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(MergedMetrics(dict(enumerate(pages))))
    return registry


def test_counters_and_histograms_are_added_up() -> None:
    found = merged(page(2, 0.5, 1), page(3, 5, 4))
    assert found.get_sample_value("calls_total", {"code": "0"}) == 5
    assert found.get_sample_value("size_bucket", {"le": "1.0"}) == 1
    assert found.get_sample_value("size_bucket", {"le": "+Inf"}) == 2
    assert found.get_sample_value("size_sum") == 5.5


def test_gauges_tell_the_worker() -> None:
    found = merged(page(0, 0, 1), page(0, 0, 4))
    assert [found.get_sample_value("open", {"worker": worker}) for worker in ("0", "1")] == [1, 4]
    assert found.get_sample_value("open") is None


def test_a_gauge_with_a_worker_of_its_own_keeps_it() -> None:
    registry = CollectorRegistry()
    Gauge("jobs", "Jobs.", ("worker",), registry=registry).labels("printer").set(3)
    assert merged(generate_latest(registry).decode()).get_sample_value("jobs", {"worker": "printer"}) == 3


def test_families_that_only_one_worker_has_are_there() -> None:
    registry = CollectorRegistry()
    Counter("late", "Late.", registry=registry).inc()
    found = merged(page(1, 1, 1), generate_latest(registry).decode())
    assert found.get_sample_value("late_total") == 1
    assert found.get_sample_value("calls_total", {"code": "0"}) == 1


def test_what_is_merged_can_be_written_again() -> None:
    text = generate_latest(merged(page(2, 0.5, 1), page(3, 5, 4))).decode()
    assert "# TYPE calls_total counter" in text
    assert "_created" not in text
