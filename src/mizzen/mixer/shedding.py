"""Load shedding: calls that are refused at once, so that the others are still answered in time.

Two evaluators, as Istio's Mixer has them; either may be off. A call costs 1, a Report one for each of its records.

- *Latency*: when the average duration of calls reaches a threshold, only a guaranteed number per second passes. The
  average forgets with a half-life, so that shedding ends by itself.
- *Rate*: a token bucket over the costs.

Where Istio's rate evaluator admitted nothing with the default burst and could never admit a Report that is larger than
the burst, here no burst means what the rate allows in a second, and a call larger than the burst passes when the
bucket is full, which the following calls then wait for.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from mizzen.mixer.adapters import Code
from mizzen.mixer.front import Calls
from mizzen.mixer.load import SheddingMode, SheddingSettings
from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.throttle import Throttle
from mizzen.wire import CheckCall, ReportCall

OVERLOADED = "Server is currently overloaded. Please try again."
_LOG_SECONDS = 10.0


class TokenBucket:
    """Tokens that come at a rate, up to a burst; starts full."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, tokens: float, now: float) -> bool:
        """Takes the tokens if they are there; more than the burst when it is full, which leaves a debt."""
        if math.isinf(self._rate):
            return True
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
        if self._tokens < min(tokens, self._burst):
            return False
        self._tokens -= tokens
        return True


class LoadAverage:
    """An average that approaches the last sample and has forgotten half of what was before after the half-life."""

    def __init__(self, half_life: float) -> None:
        self._decay = math.log(2) / half_life
        self._sample = 0.0
        self._deviation = 0.0
        self._at = 0.0

    def add(self, sample: float, now: float) -> None:
        self._deviation = self.value(now) - sample
        self._sample = sample
        self._at = now

    def value(self, now: float) -> float:
        return self._sample + self._deviation * math.exp(-self._decay * max(0.0, now - self._at))


class Shedder:
    """Decides which calls are shed; may be used from any thread."""

    def __init__(self, settings: SheddingSettings, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        now = clock()
        self._mode = settings.mode
        self._clock = clock
        self._lock = threading.Lock()
        self._threshold = settings.average_latency_seconds
        guaranteed, samples = settings.latency_guaranteed_per_second, settings.latency_samples_per_second
        self._guaranteed = TokenBucket(guaranteed, math.floor(guaranteed), now)
        self._samples = TokenBucket(samples, max(1.0, samples), now)
        self._average = LoadAverage(settings.latency_half_life_seconds)
        rate = settings.requests_per_second
        self._rate = TokenBucket(rate, settings.burst or math.ceil(rate), now) if rate > 0 else None
        self._log = Throttle(_LOG_SECONDS, clock)
        self._throttled = _counter(registry, "requests_throttled", "Calls shed.")
        self._cost_shed = _counter(
            registry, "predicted_cost_shed", "Cost of the calls shed: records, or 1 for a Check."
        )
        self._logged = _counter(registry, "requests_logged", "Calls that enforcing would have shed.")
        average = Gauge(
            "mizzen_mixer_loadshedding_average_latency_seconds", "Average that is compared.", registry=registry
        )
        average.set_function(lambda: self._average.value(clock()))

    def sheds(self, cost: int) -> bool:
        """Whether a call that costs so much must not run; counted, and logged now and then."""
        evaluator = self._evaluator(cost)
        if not evaluator:
            return False
        enforced = self._mode is SheddingMode.ENFORCE
        if enforced:
            self._throttled.labels(evaluator).inc()
            self._cost_shed.labels(evaluator).inc(cost)
        else:
            self._logged.labels(evaluator).inc()
        if self._log.passes(evaluator):
            structlog.get_logger().warning("overloaded", evaluator=evaluator, mode=self._mode.value)
        return enforced

    def observe(self, seconds: float) -> None:
        """Takes the duration of a call, its wait included, into the average."""
        if self._threshold <= 0:
            return
        with self._lock:
            now = self._clock()
            if self._samples.take(1, now):
                self._average.add(seconds, now)

    def _evaluator(self, cost: int) -> str:
        """Who sheds the call; what latency sheds takes no token of the rate."""
        with self._lock:
            now = self._clock()
            if (
                self._threshold > 0
                and not self._guaranteed.take(1, now)
                and self._average.value(now) >= self._threshold
            ):
                return "latency"
            if self._rate is not None and not self._rate.take(cost, now):
                return "rate"
        return ""


def guarded(calls: Calls, shedder: Shedder, metrics: RuntimeMetrics) -> Calls:
    """The calls, behind the shedder: those that it sheds end UNAVAILABLE before anything is evaluated."""

    def admit(method: str, cost: int) -> None:
        if shedder.sheds(cost):
            metrics.call_failures.labels(method, Code.UNAVAILABLE.name).inc()
            raise CallError(Code.UNAVAILABLE, OVERLOADED)

    def check(call: CheckCall) -> Future[None] | None:
        admit("Check", 1)
        return calls.check(call)

    def report(call: ReportCall) -> Future[None] | None:
        admit("Report", len(call))
        return calls.report(call)

    def explain(call: CheckCall, done: Callable[[bytes | BaseException], None]) -> None:
        admit("Check", 1)
        if calls.explain is not None:
            calls.explain(call, done)

    return replace(calls, check=check, report=report, explain=explain if calls.explain is not None else None)


def make_shedder(settings: SheddingSettings, registry: CollectorRegistry, clock: Callable[[], float]) -> Shedder | None:
    """The shedder that the settings ask for; None when they ask for none."""
    evaluates = settings.average_latency_seconds > 0 or settings.requests_per_second > 0
    return Shedder(settings, registry, clock) if settings.mode is not SheddingMode.DISABLED and evaluates else None


def _counter(registry: CollectorRegistry, name: str, text: str) -> Counter:
    return Counter(f"mizzen_mixer_loadshedding_{name}", text, ("evaluator",), registry=registry)
