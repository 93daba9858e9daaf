"""The Mixer's configuration from the custom resources of a Kubernetes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Mapping

import structlog
from prometheus_client import CollectorRegistry

from mizzen.config.resource import DEFAULT_NAMESPACE, GROUP, Resource
from mizzen.config.store import StoreState
from mizzen.config.store_url import StoreUrl
from mizzen.kubernetes.api import ClusterConfigError
from mizzen.kubernetes.progress import WatchMetrics
from mizzen.kubernetes.resources import LABELS, Group, ResourceWatch

_GROUP = Group(
    f"{GROUP}/v1alpha2",
    {"attributemanifest": "attributemanifests", "handler": "handlers", "instance": "instances", "rule": "rules"},
    "deploy/kubernetes/mixer-resources.yaml",
)
_SYNC_S = 30.0


class ClusterStore:
    """See `Store`. The generic kinds alone are custom resources, those that Istio calls handler, instance, rule and
    attributemanifest.

    `registry` gets `mizzen_mixer_config_lists_total`, `…_failures_total` and `…_synced`, by resource and namespace.
    """

    def __init__(
        self,
        url: StoreUrl,
        default_namespace: str = DEFAULT_NAMESPACE,
        *,
        registry: CollectorRegistry | None = None,
        sync_timeout: float = _SYNC_S,
    ) -> None:
        self.default_namespace = default_namespace
        self.state = StoreState()
        self._url = url
        self._metrics = WatchMetrics("mizzen_mixer_config", LABELS, registry or CollectorRegistry())
        self._sync_timeout = sync_timeout
        self._newest = StoreState()
        self._known = threading.Event()
        self._watch: ResourceWatch | None = None
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def load(self) -> StoreState:
        """Waits at most `sync_timeout` seconds until every kind was listed; OSError if they were not."""
        if self._watch is None:
            self._open()
        self.state = self._newest
        return self.state

    async def watch(self) -> AsyncGenerator[StoreState, None]:
        """See `Store`. An API server that goes away leaves the last state in force."""
        changed = asyncio.Event()
        self._waiting = (asyncio.get_running_loop(), changed)
        try:
            while True:
                changed.clear()
                newest = self._newest
                if newest.resources != self.state.resources:
                    self.state = newest
                    yield newest
                await changed.wait()
        finally:
            self._waiting = None

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()

    def _open(self) -> None:
        end = time.monotonic() + self._sync_timeout
        logger = structlog.get_logger()
        try:
            watch = ResourceWatch(_GROUP, self._url, self._take, self._metrics, {}, logger, self._sync_timeout)
        except ClusterConfigError as error:
            raise OSError(str(error)) from error
        if not self._known.wait(max(0.0, end - time.monotonic())):
            watch.close()
            raise OSError(f"the configuration was not read from Kubernetes within {self._sync_timeout:g} s")
        self._watch = watch

    def _take(self, resources: Mapping[str, Resource]) -> None:
        self._newest = StoreState(resources)
        self._known.set()
        waiting = self._waiting
        if waiting:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                waiting[0].call_soon_threadsafe(waiting[1].set)
