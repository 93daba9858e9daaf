"""The parent's monitoring port: each page is made of those of the workers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from prometheus_client import CollectorRegistry, Counter, Gauge, Metric

from mizzen.loglevel import LOG_LEVEL
from mizzen.mixer.monitoring import MakePage, Page, json_page, metrics_page, text_page
from mizzen.mixer.workers.metrics import Page as MetricsPage
from mizzen.mixer.workers.metrics import WorkerMetrics, read_page

_SECONDS = 5.0
_TEXT = "text/plain"
_OPENMETRICS = "application/openmetrics-text"
_ASKED = ("/config", "/resources", "/version", "/logging")
"""Pages that are the same in every worker: one is asked."""


class WorkerPages:
    """Knows the monitoring addresses of the workers that are ready. May be used from any thread."""

    def __init__(self, count: int, registry: CollectorRegistry) -> None:
        self._lock = threading.Lock()
        self._addresses: dict[int, str] = {}
        self._registry = registry
        self._metrics = WorkerMetrics()
        self.log_level: str | None = None
        """The level that was asked for at run time, for workers that start later."""
        self._up = Gauge("mizzen_mixer_worker_up", "1 while the worker serves.", ("worker",), registry=registry)
        self._restarts = Counter(
            "mizzen_mixer_worker_restarts", "Workers started again.", ("worker",), registry=registry
        )
        self._failures = Counter(
            "mizzen_mixer_worker_page_failures", "Pages that a worker did not give.", ("worker",), registry=registry
        )
        for index in range(count):
            self._up.labels(str(index)).set(0)
            self._restarts.labels(str(index))

    def ready(self, index: int, address: str) -> None:
        """The worker serves; `address` is like `http://127.0.0.1:4711`."""
        with self._lock:
            self._addresses[index] = address
        self._up.labels(str(index)).set(1)

    def gone(self, index: int) -> None:
        with self._lock:
            self._addresses.pop(index, None)
        self._metrics.ended(index)
        self._up.labels(str(index)).set(0)

    def restarted(self, index: int) -> None:
        self._restarts.labels(str(index)).inc()

    def pages(self) -> Mapping[str, MakePage]:
        asked: dict[str, MakePage] = {path: self._asker(path) for path in _ASKED}
        return {
            **asked,
            "/metrics": self._metrics_page,
            "/healthz": lambda _: text_page("ok"),
            "/readyz": lambda _: self._readiness(),
            "/decisions": lambda _: self._decisions(),
        }

    def decision(self, identity: str) -> Page:
        """The decision, from whichever worker made it."""
        missing = text_page(f"no decision {identity!r}: never made, or too long ago", HTTPStatus.NOT_FOUND)
        found = (page for _, page in self._all(f"/decisions/{quote(identity, safe='')}"))
        return next((page for page in found if page.status is HTTPStatus.OK), missing)

    def change_log_level(self, query: Mapping[str, str]) -> Page:
        """Asks every worker, and changes the parent's own; the first answer that is none of success is given."""
        answers = [page for _, page in self._all(f"/logging?{urlencode(query)}", "PUT")]
        if not answers:
            return _nobody()
        refused = next((page for page in answers if page.status is not HTTPStatus.OK), None)
        if refused is None:
            self.log_level = query["level"]
            LOG_LEVEL.change(self.log_level)
        return refused or answers[0]

    def _asker(self, path: str) -> MakePage:
        return lambda _: next((page for _, page in self._all(path)), _nobody())

    def _metrics_page(self, accept: str) -> Page:
        pages = self._read_metrics(_OPENMETRICS) if _OPENMETRICS in accept else {}
        if len(pages) < self._count_ready():  # what handlers are named may be too much for the stricter format
            pages |= self._read_metrics(_TEXT)
        return metrics_page([self._registry, _Collected(self._metrics.merge(pages))], accept)

    def _read_metrics(self, accept: str) -> dict[int, MetricsPage]:
        """The pages that can be read; another one is counted."""
        pages = {}
        for index, page in self._all("/metrics", accept=accept):
            try:
                if page.status is HTTPStatus.OK:
                    pages[index] = read_page(page.body.decode(), openmetrics=page.content_type.startswith(_OPENMETRICS))
            except ValueError:
                self._failures.labels(str(index)).inc()
        return pages

    def _count_ready(self) -> int:
        with self._lock:
            return len(self._addresses)

    def _readiness(self) -> Page:
        return text_page("ready") if self._count_ready() else text_page("not serving", HTTPStatus.SERVICE_UNAVAILABLE)

    def _decisions(self) -> Page:
        merged: dict[str, Any] = {"decisions": [], "kept": 0}
        for _, page in self._all("/decisions"):
            own = json.loads(page.body)
            own["decisions"] = merged["decisions"] + own["decisions"]
            own["kept"] += merged["kept"]
            merged = own
        return json_page(merged)

    def _all(self, path: str, method: str = "GET", accept: str = _TEXT) -> Iterator[tuple[int, Page]]:
        """The answers of the workers, in order; one that does not answer is counted."""
        with self._lock:
            addresses = sorted(self._addresses.items())
        for index, address in addresses:
            try:
                yield index, _ask(address + path, method, accept)
            except (httpx.HTTPError, ValueError):
                self._failures.labels(str(index)).inc()


class _Collected:
    """Families as a registry has them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _ask(url: str, method: str, accept: str) -> Page:
    answer = httpx.request(method, url, headers={"Accept": accept}, timeout=_SECONDS, trust_env=False)
    return Page(answer.content, answer.headers.get("Content-Type", ""), HTTPStatus(answer.status_code))


def _nobody() -> Page:
    return text_page("no worker answers", HTTPStatus.SERVICE_UNAVAILABLE)
