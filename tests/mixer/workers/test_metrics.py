from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.openmetrics import exposition

from mizzen.mixer.workers.metrics import HIDDEN_SECONDS, Page, WorkerMetrics, read_page

generate_openmetrics: Any = exposition.generate_latest  # has no types


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def page(calls: int | None, size: float = 1, open_calls: int = 0, *, trace: str = "") -> Page:
    registry = CollectorRegistry()
    if calls is not None:
        exemplar = {"trace_id": trace} if trace else None
        Counter("calls", "Calls.", ("code",), registry=registry).labels("0").inc(calls, exemplar)
    Histogram("size", "Sizes.", buckets=(1, 10), registry=registry).observe(size)
    Gauge("open", "Open calls.", registry=registry).set(open_calls)
    return read_page(generate_openmetrics(registry).decode(), openmetrics=True)


class Merged:
    """The samples of merged families."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        return next((one.value for one in self.samples if one.name == name and one.labels == labels), None)

    @property
    def calls(self) -> float | None:
        return self.value("calls_total", code="0")


def merged(*pages: Page) -> Merged:
    return Merged(WorkerMetrics().merge(dict(enumerate(pages))))


def test_counters_and_histograms_are_added_up() -> None:
    found = merged(page(2, 0.5, 1), page(3, 5, 4))
    assert found.calls == 5
    assert found.value("size_bucket", le="1.0") == 1
    assert found.value("size_bucket", le="+Inf") == 2
    assert found.value("size_sum") == 5.5


def test_gauges_tell_the_worker() -> None:
    found = merged(page(0, 0, 1), page(0, 0, 4))
    assert [found.value("open", worker=worker) for worker in ("0", "1")] == [1, 4]
    assert found.value("open") is None


def test_a_gauge_with_a_worker_of_its_own_keeps_it() -> None:
    registry = CollectorRegistry()
    Gauge("jobs", "Jobs.", ("worker",), registry=registry).labels("printer").set(3)
    assert merged(read_page(generate_latest(registry).decode(), openmetrics=False)).value("jobs", worker="printer") == 3


def test_families_that_only_one_worker_has_are_there() -> None:
    registry = CollectorRegistry()
    Counter("late", "Late.", registry=registry).inc()
    found = merged(page(1), read_page(generate_latest(registry).decode(), openmetrics=False))
    assert (found.value("late_total"), found.calls) == (1, 1)


def test_the_newest_exemplar_is_shown() -> None:
    first, second = page(1, trace="a"), page(1, trace="b")
    for pages in ((first, second), (second, first)):
        (sample,) = [one for one in merged(*pages).samples if one.name == "calls_total"]
        assert sample.exemplar is not None
        assert sample.exemplar.labels == {"trace_id": "b"}


@pytest.mark.parametrize("openmetrics", [False, True])
def test_what_is_merged_can_be_written_and_read_again(openmetrics: bool) -> None:
    class Collected(CollectorRegistry):
        def collect(self) -> Iterable[Metric]:
            return WorkerMetrics().merge({0: page(2, trace="a"), 1: page(3)})

    text = (generate_openmetrics if openmetrics else generate_latest)(Collected()).decode()
    assert "# TYPE calls" in text
    assert "_created" not in text
    assert Merged(read_page(text, openmetrics=openmetrics).values()).calls == 5


def test_a_sum_does_not_fall_when_a_worker_starts_again() -> None:
    metrics = WorkerMetrics()
    assert Merged(metrics.merge({0: page(10), 1: page(5)})).calls == 15
    metrics.ended(0)
    assert Merged(metrics.merge({1: page(6)})).calls == 16
    assert Merged(metrics.merge({0: page(2), 1: page(6)})).calls == 18
    metrics.ended(0)
    assert Merged(metrics.merge({0: page(20), 1: page(6)})).calls == 38


def test_a_sum_does_not_fall_when_a_series_expires_in_one_worker() -> None:
    metrics = WorkerMetrics()
    metrics.merge({0: page(10), 1: page(5)})
    assert Merged(metrics.merge({0: page(None), 1: page(6)})).calls == 16
    assert Merged(metrics.merge({0: page(1), 1: page(6)})).calls == 17


def test_a_series_that_no_worker_has_any_more_is_gone_and_comes_back_where_it_was() -> None:
    clock = Clock()
    metrics = WorkerMetrics(clock)
    metrics.merge({0: page(10)})
    assert Merged(metrics.merge({0: page(None)})).calls is None
    clock.now += HIDDEN_SECONDS
    assert Merged(metrics.merge({0: page(1)})).calls == 11
    metrics.merge({0: page(None)})
    clock.now += HIDDEN_SECONDS + 1
    metrics.merge({0: page(None)})
    assert Merged(metrics.merge({0: page(1)})).calls == 1


def test_a_worker_that_gives_no_page_counts_with_its_last() -> None:
    metrics = WorkerMetrics()
    metrics.merge({0: page(10), 1: page(5)})
    assert Merged(metrics.merge({1: page(6)})).calls == 16
    assert Merged(metrics.merge({0: page(11), 1: page(6)})).calls == 17


def test_a_page_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="Invalid value"):
        read_page("calls_total{ 1\n", openmetrics=True)
