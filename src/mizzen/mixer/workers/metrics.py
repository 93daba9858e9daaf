"""The metrics of several processes as those of one.

What counts is added up: counters, histograms and summaries, so that dashboards see the series they see of one process.
What is a state is not: gauges get a label `worker`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

_ADDED = frozenset({"counter", "histogram", "summary"})
LABEL = "worker"

Series = tuple[str, tuple[tuple[str, str], ...]]


class MergedMetrics(Collector):
    """The pages of workers, in Prometheus' text format and by the worker's number, as families."""

    def __init__(self, pages: Mapping[int, str]) -> None:
        self._pages = pages

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        series: dict[str, dict[Series, Sample]] = {}
        for worker, page in sorted(self._pages.items()):
            for family in text_string_to_metric_families(page):
                if family.name.endswith("_created"):
                    continue  # of no use once series are added up
                known = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                if known.type == family.type:
                    _take(family, str(worker), series.setdefault(family.name, {}))
        for name, family in families.items():
            family.samples = list(series.get(name, {}).values())
            yield family


def _take(family: Metric, worker: str, series: dict[Series, Sample]) -> None:
    for sample in family.samples:
        labels = dict(sample.labels)
        if family.type not in _ADDED:
            labels.setdefault(LABEL, worker)
        place = (sample.name, tuple(sorted(labels.items())))
        before = series.get(place)
        value = sample.value + before.value if before is not None and family.type in _ADDED else sample.value
        series[place] = Sample(sample.name, labels, value)
