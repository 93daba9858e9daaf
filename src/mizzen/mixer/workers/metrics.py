"""The metrics of several processes as those of one.

What counts is added up: counters, histograms and summaries, so that dashboards see the series they see of one process.
What is a state is not: gauges get a label `worker`. Sums never fall: what a worker that ended had counted, as of its
last page, stays in them, and so does what expired in one worker while others have it. Else each such event would read
as a reset of the whole sum, and Prometheus would count everything again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from prometheus_client.samples import Exemplar, Sample

ADDED = frozenset({"counter", "histogram", "summary"})
LABEL = "worker"
HIDDEN_SECONDS = 3600.0
"""For how long the sum of a series is kept that no worker has any more."""

Series = tuple[str, tuple[tuple[str, str], ...]]
_openmetrics: Any = openmetrics_families  # has no types
Page = Mapping[str, Metric]
"""The families of one worker by name."""


@dataclass
class _Rest:
    """What ended workers counted in a series, and when it was last shown."""

    value: float
    shown: float


def read_page(text: str, *, openmetrics: bool) -> Page:
    """The families of a page. ValueError for text that is none."""
    families = _openmetrics(text) if openmetrics else text_families(text)
    return {family.name: family for family in families if not family.name.endswith("_created")}


class WorkerMetrics:
    """Adds up pages, scrape after scrape. May be used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pages: dict[int, Page] = {}
        self._counted: dict[int, dict[Series, float]] = {}
        self._rests: dict[Series, _Rest] = {}

    def ended(self, worker: int) -> None:
        """The worker's next page is that of another process."""
        with self._lock:
            self._pages.pop(worker, None)
            for series, value in self._counted.pop(worker, {}).items():
                self._keep(series, value)

    def merge(self, pages: Mapping[int, Page]) -> Iterable[Metric]:
        """The families of all; a worker that is missing counts with its last page."""
        with self._lock:
            for worker, page in pages.items():
                self._take(worker, page)
            families: dict[str, Metric] = {}
            series: dict[str, dict[Series, Sample]] = {}
            for worker, page in sorted(self._pages.items()):
                for family in page.values():
                    known = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                    if known.type == family.type:
                        _add(family, str(worker), series.setdefault(family.name, {}))
            for name, family in families.items():
                family.samples = [self._whole(place, sample) for place, sample in series.get(name, {}).items()]
            self._forget()
        return families.values()

    def _take(self, worker: int, page: Page) -> None:
        counted = dict(_counted(page))
        for series, value in self._counted.get(worker, {}).items():
            if series not in counted:
                self._keep(series, value)
        self._pages[worker], self._counted[worker] = page, counted

    def _keep(self, series: Series, value: float) -> None:
        rest = self._rests.setdefault(series, _Rest(0.0, self._clock()))
        rest.value += value

    def _whole(self, place: Series, sample: Sample) -> Sample:
        rest = self._rests.get(place)
        if rest is None:
            return sample
        rest.shown = self._clock()
        return sample._replace(value=sample.value + rest.value)

    def _forget(self) -> None:
        limit = self._clock() - HIDDEN_SECONDS
        for series in [series for series, rest in self._rests.items() if rest.shown < limit]:
            del self._rests[series]


def _counted(page: Page) -> Iterator[tuple[Series, float]]:
    for family in page.values():
        if family.type in ADDED:
            yield from ((_place(sample), sample.value) for sample in family.samples)


def _place(sample: Sample) -> Series:
    return sample.name, tuple(sorted(sample.labels.items()))


def _add(family: Metric, worker: str, series: dict[Series, Sample]) -> None:
    added = family.type in ADDED
    for sample in family.samples:
        if added and sample.name.endswith("_created"):
            continue  # of no use once series are added up
        labels = sample.labels if added else {LABEL: worker, **sample.labels}
        shown = Sample(sample.name, labels, sample.value, exemplar=sample.exemplar)
        place = _place(shown)
        before = series.get(place)
        if before is not None and added:
            exemplar = _newest(before.exemplar, shown.exemplar)
            shown = Sample(sample.name, labels, before.value + sample.value, exemplar=exemplar)
        series[place] = shown


def _newest(one: Exemplar | None, other: Exemplar | None) -> Exemplar | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda exemplar: float(exemplar.timestamp or 0.0))
