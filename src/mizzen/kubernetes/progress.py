"""What is told of watches: counters for monitoring, a line in the log for each row of failures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from mizzen.kubernetes.api import ApiError


class WatchMetrics:
    """`<prefix>_lists_total`, `<prefix>_failures_total` and `<prefix>_synced`, by `labels`."""

    def __init__(self, prefix: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._labels = labels
        self.lists = Counter(f"{prefix}_lists", "Lists that were read whole", labels, registry=registry)
        self.failures = Counter(f"{prefix}_failures", "Lists and watches that failed", labels, registry=registry)
        self.synced = Gauge(f"{prefix}_synced", "1 once a resource was listed", labels, registry=registry)

    def forget(self, values: Mapping[str, str]) -> None:
        """The series with these labels; such as there are none of are fine."""
        for metric in (self.lists, self.failures, self.synced):
            with contextlib.suppress(KeyError):
                metric.remove(*(values[label] for label in self._labels))


class WatchProgress:
    """See `Progress`, of one resource. `attempted` is told after each list (True) and failure (False)."""

    def __init__(
        self,
        metrics: WatchMetrics,
        labels: Mapping[str, str],
        logger: Any,
        attempted: Callable[[bool], None],
        hints: Mapping[int, str] | None = None,
    ) -> None:
        """`hints` say what may be done about a status of HTTP."""
        self._metrics = metrics
        self._labels = labels
        self._logger = logger
        self._told = attempted
        self._hints = hints or {}
        self._failing = False

    def synced(self) -> None:
        self._failing = False
        self._metrics.lists.labels(**self._labels).inc()
        self._metrics.synced.labels(**self._labels).set(1)
        self._told(True)

    def failed(self, error: ApiError) -> None:
        self._metrics.failures.labels(**self._labels).inc()
        if not self._failing:
            hint = self._hints.get(error.status)
            self._logger.warning(
                "kubernetes cannot be watched", **self._labels, error=str(error), **({"hint": hint} if hint else {})
            )
        self._failing = True
        self._told(False)
