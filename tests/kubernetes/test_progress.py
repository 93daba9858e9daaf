from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry

from mizzen.kubernetes.api import ApiError
from mizzen.kubernetes.progress import WatchMetrics, WatchProgress


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})


def test_every_failure_counts_and_the_first_of_a_row_is_logged() -> None:
    registry, log, told = CollectorRegistry(), Log(), list[bool]()
    metrics = WatchMetrics("test", ["resource"], registry)
    progress = WatchProgress(metrics, {"resource": "pods"}, log, told.append, {403: "give it rights"})
    for status in (0, 403):
        progress.failed(ApiError(status, "no"))
    progress.synced()
    for status in (403, 0):
        progress.failed(ApiError(status, "no"))
    event = "kubernetes cannot be watched"
    assert log.lines == [
        {"event": event, "resource": "pods", "error": "no"},
        {"event": event, "resource": "pods", "error": "status 403: no", "hint": "give it rights"},
    ]
    assert told == [False, False, True, False, False]
    labels = {"resource": "pods"}
    assert registry.get_sample_value("test_failures_total", labels) == 4
    assert registry.get_sample_value("test_lists_total", labels) == 1
    assert registry.get_sample_value("test_synced", labels) == 1
    metrics.forget(labels)
    metrics.forget(labels)
    assert registry.get_sample_value("test_synced", labels) is None
