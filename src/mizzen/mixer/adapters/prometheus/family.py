"""Metric families and their series: updates under one lock, read by the registry at each scrape.

Own series, not the client library's children: an update there costs several locks and a chain of calls, here one lock
and one addition. The library's registry, families and text formats are used as they are.
"""

from __future__ import annotations

import itertools
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from prometheus_client import Metric
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from mizzen.mixer.adapters.prometheus.params import Kind

Labels: TypeAlias = tuple[str, ...]
_Exemplars: TypeAlias = dict[int, Exemplar]
"""By number of the bucket; 0 is that of a counter."""
_bound_text: Callable[[float], str] = floatToGoString


@dataclass(frozen=True)
class Definition:
    """What makes a family: two metrics with equal definitions share one. `label_names` are sorted."""

    name: str
    kind: Kind
    description: str
    label_names: tuple[str, ...]
    bounds: tuple[float, ...] = ()


class Series(Protocol):
    """One label set. Changed under the lock of its family only; `updated` is the time of the last change."""

    updated: float

    def take(self, number: float, count: int) -> None:
        """Adds, sets or observes the number `count` times."""

    def take_all(self, numbers: Iterable[float]) -> None:
        """Takes each of the numbers once."""

    def remember(self, exemplar: Exemplar) -> None:
        """Keeps an exemplar of what was taken, the last one (of each bucket)."""


class Counter:
    """A sum."""

    __slots__ = ("exemplars", "updated", "value")

    def __init__(self) -> None:
        self.updated = 0.0
        self.value = 0.0
        self.exemplars: _Exemplars = {}

    def take(self, number: float, count: int) -> None:
        self.value += number * count

    def take_all(self, numbers: Iterable[float]) -> None:
        for number in numbers:
            self.value += number

    def remember(self, exemplar: Exemplar) -> None:
        self.exemplars = {0: exemplar}


class Gauge(Counter):
    """The last value."""

    __slots__ = ()

    def take(self, number: float, count: int) -> None:
        self.value = float(number)

    def take_all(self, numbers: Iterable[float]) -> None:
        for number in numbers:
            self.value = number


class Distribution:
    """A count per bucket (not cumulative, the last is +Inf) and the sum."""

    __slots__ = ("bounds", "counts", "exemplars", "sum", "updated")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.updated = 0.0
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.exemplars: _Exemplars = {}

    def take(self, number: float, count: int) -> None:
        self.counts[bisect_left(self.bounds, number)] += count
        self.sum += number * count

    def take_all(self, numbers: Iterable[float]) -> None:
        bounds, counts, total = self.bounds, self.counts, self.sum
        for number in numbers:
            counts[bisect_left(bounds, number)] += 1
            total += number
        self.sum = total

    def remember(self, exemplar: Exemplar) -> None:
        self.exemplars[bisect_left(self.bounds, exemplar.value)] = exemplar


def _new_series(definition: Definition) -> Counter | Distribution:
    if definition.kind is Kind.DISTRIBUTION:
        return Distribution(definition.bounds)
    return Gauge() if definition.kind is Kind.GAUGE else Counter()


class Family:
    """All series of one metric. `lock` guards them; `generation` grows whenever series are removed, so that who keeps
    references to series knows when to drop them."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.lock = threading.Lock()
        self.generation = 0
        self._series: dict[Labels, Counter | Distribution] = {}

    def series(self, labels: Labels) -> Series:
        """The series with these label values (in the order of `label_names`), made if it is new. Hold the lock."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = _new_series(self.definition)
        return series

    def expire(self, before: float) -> int:
        """Removes the series that were last updated before that time; the number removed."""
        with self.lock:
            old = [labels for labels, series in self._series.items() if series.updated < before]
            for labels in old:
                del self._series[labels]
            if old:
                self.generation += 1
        return len(old)

    def collect(self) -> Metric:
        """A copy for the exposition.

        A counter whose name lacks `_total` is exposed as untyped: the formats allow a counter no other name, and a
        changed name would break the queries written for it.
        """
        definition = self.definition
        metric = Metric(*_exposed(definition))
        with self.lock:
            copies = [(labels, _copy(series)) for labels, series in self._series.items()]
        for labels, values in copies:
            names = dict(zip(definition.label_names, labels, strict=True))
            for suffix, extra, value, exemplar in _samples(definition, *values):
                metric.add_sample(definition.name + suffix, {**names, **extra}, value, exemplar=exemplar)
        return metric


def _exposed(definition: Definition) -> tuple[str, str, str]:
    if definition.kind is Kind.DISTRIBUTION:
        return definition.name, definition.description, "histogram"
    if definition.kind is Kind.GAUGE:
        return definition.name, definition.description, "gauge"
    if definition.name.endswith("_total"):
        return definition.name.removesuffix("_total"), definition.description, "counter"
    return definition.name, definition.description, "unknown"


_Copy: TypeAlias = tuple[list[int] | None, float, _Exemplars]


def _copy(series: Counter | Distribution) -> _Copy:
    """Counts of the buckets, sum or value, exemplars."""
    if isinstance(series, Counter):
        return None, series.value, dict(series.exemplars)
    return list(series.counts), series.sum, dict(series.exemplars)


def _samples(
    definition: Definition, counts: list[int] | None, total: float, exemplars: _Exemplars
) -> Iterator[tuple[str, Mapping[str, str], float, Exemplar | None]]:
    if counts is None:
        yield "", {}, total, exemplars.get(0)
        return
    bounds = (*definition.bounds, float("inf"))
    for index, (bound, cumulative) in enumerate(zip(bounds, itertools.accumulate(counts), strict=True)):
        yield "_bucket", {"le": _bound_text(bound)}, cumulative, exemplars.get(index)
    yield "_count", {}, sum(counts), None
    yield "_sum", {}, total, None
