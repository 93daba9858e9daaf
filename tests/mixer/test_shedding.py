from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from mizzen.mixer.adapters import Code
from mizzen.mixer.front import Calls
from mizzen.mixer.load import SheddingMode, SheddingSettings
from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.shedding import (
    OVERLOADED,
    LoadAverage,
    Shedder,
    TokenBucket,
    guarded,
    make_shedder,
)
from mizzen.wire import CheckCall, ReportCall, encode_check_request, encode_report_request


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A shedder with its clock and metrics."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.registry = CollectorRegistry()
        settings.setdefault("mode", SheddingMode.ENFORCE)
        self.shedder = Shedder(SheddingSettings(**settings), self.registry, self.clock)

    def count(self, name: str, evaluator: str) -> float:
        value = self.registry.get_sample_value(f"mizzen_mixer_loadshedding_{name}_total", {"evaluator": evaluator})
        return value or 0.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield
    structlog.reset_defaults()


def test_a_bucket_holds_its_burst_and_fills_at_its_rate() -> None:
    bucket = TokenBucket(rate=10, burst=2, now=0)
    assert [bucket.take(1, 0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1, 0.1), bucket.take(1, 0.1)] == [True, False]
    assert [bucket.take(1, 9) for _ in range(3)] == [True, True, False]


def test_a_bucket_gives_more_than_its_burst_only_when_full_and_then_owes() -> None:
    bucket = TokenBucket(rate=10, burst=5, now=0)
    assert bucket.take(1, 0)
    assert not bucket.take(20, 0)
    assert bucket.take(20, 0.1)
    assert not bucket.take(1, 1.5)
    assert bucket.take(1, 1.8)


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=1, now=10)
    assert bucket.take(1, 10)
    assert not bucket.take(1, 5)


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 50)), max_size=100))
def test_a_bucket_never_gives_more_than_rate_and_burst_allow(steps: list[tuple[float, int]]) -> None:
    bucket, now, taken = TokenBucket(rate=7, burst=20, now=0), 0.0, 0
    for wait, cost in steps:
        now += wait
        taken += cost if bucket.take(cost, now) else 0
    assert taken <= 20 + 7 * now + 50


def test_the_average_starts_at_zero_and_forgets_half_in_its_half_life() -> None:
    average = LoadAverage(half_life=2)
    assert average.value(0) == 0
    average.add(8, now=0)
    assert average.value(0) == 0
    assert average.value(2) == pytest.approx(4)
    assert average.value(4) == pytest.approx(6)
    assert average.value(-5) == 0
    average.add(0, now=4)
    assert average.value(6) == pytest.approx(3)


def test_latency_sheds_beyond_the_guaranteed_calls_until_it_falls() -> None:
    stage = Stage(average_latency_seconds=0.1, latency_guaranteed_per_second=2)
    for _ in range(3):
        stage.shedder.observe(1.0)
        stage.clock.now += 1
    assert [stage.shedder.sheds(1) for _ in range(4)] == [False, False, True, True]
    assert stage.count("requests_throttled", "latency") == 2
    for _ in range(5):
        stage.shedder.observe(0.0)
        stage.clock.now += 1
    assert not any(stage.shedder.sheds(1) for _ in range(4))


def test_a_short_latency_sheds_nothing() -> None:
    stage = Stage(average_latency_seconds=0.1, latency_guaranteed_per_second=1)
    stage.shedder.observe(0.01)
    stage.clock.now += 10
    assert not any(stage.shedder.sheds(1) for _ in range(10))


def test_samples_of_the_latency_are_limited_per_second() -> None:
    stage = Stage(average_latency_seconds=0.1, latency_guaranteed_per_second=0, latency_samples_per_second=1)
    stage.shedder.observe(0.0)
    stage.shedder.observe(100.0)
    stage.clock.now += 0.5
    assert not stage.shedder.sheds(1)


def test_rate_counts_the_cost_of_calls() -> None:
    stage = Stage(requests_per_second=10, burst=10)
    assert [stage.shedder.sheds(6), stage.shedder.sheds(6), stage.shedder.sheds(4)] == [False, True, False]
    assert (stage.count("requests_throttled", "rate"), stage.count("predicted_cost_shed", "rate")) == (1, 6)


def test_without_a_burst_a_second_worth_of_calls_passes() -> None:
    stage = Stage(requests_per_second=2.5)
    assert [stage.shedder.sheds(1) for _ in range(4)] == [False, False, False, True]


def test_logonly_counts_and_sheds_nothing() -> None:
    stage = Stage(mode=SheddingMode.LOGONLY, requests_per_second=1)
    assert [stage.shedder.sheds(1) for _ in range(3)] == [False, False, False]
    assert (stage.count("requests_logged", "rate"), stage.count("requests_throttled", "rate")) == (2, 0)


@pytest.mark.parametrize(
    "settings",
    [SheddingSettings(requests_per_second=5), SheddingSettings(SheddingMode.ENFORCE)],
    ids=["disabled", "no evaluator"],
)
def test_there_is_no_shedder_that_sheds_nothing(settings: SheddingSettings) -> None:
    assert make_shedder(settings, CollectorRegistry(), Clock()) is None


def test_shed_calls_end_unavailable_and_are_counted_before_they_run() -> None:
    ran: list[object] = []

    def run(call: object) -> Future[None] | None:
        ran.append(call)
        return None

    stage, metrics = Stage(requests_per_second=3, burst=3), RuntimeMetrics()
    calls = guarded(Calls(run, run, lambda: "g"), stage.shedder, metrics)
    check = CheckCall(encode_check_request({}))
    assert calls.check(check) is None
    with pytest.raises(CallError) as raised:
        calls.report(ReportCall(encode_report_request([{"a": "b"}] * 3)))
    assert (raised.value.code, raised.value.message) == (Code.UNAVAILABLE, OVERLOADED)
    assert (ran, calls.generation()) == ([check], "g")
    labels = {"method": "Report", "code": "UNAVAILABLE"}
    assert metrics.registry.get_sample_value("mizzen_mixer_call_failures_total", labels) == 1


def test_explained_checks_are_shed_as_others() -> None:
    stage, explained = Stage(requests_per_second=1, burst=1), list[CheckCall]()
    unused: Any = None
    calls = guarded(
        Calls(unused, unused, lambda: "g", lambda call, done: explained.append(call)), stage.shedder, RuntimeMetrics()
    )
    assert calls.explain is not None
    check = CheckCall(encode_check_request({}))
    calls.explain(check, lambda answer: None)
    with pytest.raises(CallError, match="overloaded"):
        calls.explain(check, lambda answer: None)
    assert explained == [check]
    assert stage.count("requests_throttled", "rate") == 1


def test_a_mixer_that_does_not_explain_does_not_behind_a_shedder_either() -> None:
    unused: Any = None
    assert guarded(Calls(unused, unused, unused), Stage().shedder, RuntimeMetrics()).explain is None


def test_no_limit_is_infinite() -> None:
    assert all(TokenBucket(math.inf, 0, 0).take(1_000_000, 0) for _ in range(3))
