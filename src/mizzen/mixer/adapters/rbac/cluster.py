"""Roles and bindings from the custom resources of a Kubernetes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry

from mizzen.config import ConfigError, Resource
from mizzen.kubernetes.background import Background
from mizzen.kubernetes.client import KubernetesApi
from mizzen.kubernetes.objects import key_of, map_of, text_of
from mizzen.kubernetes.progress import WatchMetrics, WatchProgress
from mizzen.kubernetes.reflector import Reflector
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.rbac.state import PolicyState
from mizzen.mixer.adapters.rbac.store_url import StoreUrl
from mizzen.mixer.adapters.results import AdapterError

_GROUP = "/apis/rbac.istio.io/v1alpha1"
_PLURALS = {"ServiceRole": "serviceroles", "ServiceRoleBinding": "servicerolebindings"}
_WATCH_S = 300.0
_GATHER_S = 0.02  # changes that arrive together are taken over together
_HINTS = {
    403: "the account needs list and watch for serviceroles and servicerolebindings of rbac.istio.io",
    404: "the cluster does not know the custom resources; deploy/kubernetes/rbac-resources.yaml has them",
}


class ClusterSource:
    """Watches both resources on a thread of its own. See `PolicySource`.

    Building waits until each was listed or failed to be, at most `sync_timeout` seconds.
    """

    def __init__(
        self,
        url: StoreUrl,
        environment: Environment,
        tell: Callable[[ConfigError], None],
        registry: CollectorRegistry,
        sync_timeout: float,
    ) -> None:
        """Raises `AdapterError` when there is no usable configuration of the cluster."""
        self.state = PolicyState(tell)
        self.known = False
        self._url = url
        self._environment = environment
        labels = ["handler", "resource", "namespace"]
        self._metrics = WatchMetrics("mizzen_rbac", labels, registry)
        places = [(kind, namespace) for kind in _PLURALS for namespace in url.namespaces or ("",)]
        self._tables = {place: _Table(place[0], self._changed) for place in places}
        self._unasked = set(places)
        self._waiting = set(places)
        self._gathering = False
        self._ready = threading.Event()
        self._failures: list[Exception] = []
        self._background = Background(self._serve, self._ended, name=f"{environment.handler} roles")
        self._ready.wait(sync_timeout)
        for failure in self._failures:
            self.close()
            raise AdapterError(f"rbac: {failure}") from failure
        if not self.known:
            environment.logger.warning("roles are not known yet", handler=environment.handler)

    def close(self) -> None:
        self._background.close()

    async def _serve(self) -> None:
        api = await KubernetesApi.open(self._url.kubeconfig)
        try:
            async with asyncio.TaskGroup() as group:
                for place, table in self._tables.items():
                    group.create_task(self._reflect(api, place, table))
        finally:
            await api.close()

    async def _reflect(self, api: KubernetesApi, place: tuple[str, str], table: _Table) -> None:
        kind, namespace = place
        within = f"/namespaces/{namespace}" if namespace else ""
        labels = {"handler": self._environment.handler, "resource": _PLURALS[kind], "namespace": namespace}
        attempted = partial(self._attempted, place)
        progress = WatchProgress(self._metrics, labels, self._environment.logger, attempted, _HINTS)
        path = f"{_GROUP}{within}/{_PLURALS[kind]}"
        await Reflector(api, path, table, progress, _WATCH_S, asyncio.sleep).run()

    def _attempted(self, place: tuple[str, str], listed: bool) -> None:
        self._unasked.discard(place)
        if listed:
            self._waiting.discard(place)
        if listed and not self._waiting:
            self._take()
            self.known = True
        if not self._unasked:
            self._ready.set()

    def _changed(self) -> None:
        """Roles without their bindings are not yet policies: nothing is taken before all was listed once."""
        if self.known and not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(_GATHER_S, self._take)

    def _take(self) -> None:
        self._gathering = False
        resources = (resource for table in self._tables.values() for resource in table)
        self.state.take({resource.key: resource for resource in resources})

    def _ended(self, failure: Exception | None) -> None:
        if failure:
            self._failures.append(failure)
        if failure and self._ready.is_set():
            self._environment.logger.error(
                "roles are not watched any more", handler=self._environment.handler, error=repr(failure)
            )
        self._ready.set()


class _Table:
    """The resources of one kind, of all namespaces or of one. See `Sink`."""

    def __init__(self, kind: str, changed: Callable[[], None]) -> None:
        self._kind = kind
        self._changed = changed
        self._kept: dict[str, Resource] = {}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._kept.values())

    def replace(self, items: Iterable[Any]) -> None:
        self._kept = {key_of(item): self._read(item) for item in items}
        self._changed()

    def put(self, item: Any) -> None:
        self._kept[key_of(item)] = self._read(item)
        self._changed()

    def remove(self, item: Any) -> None:
        self._kept.pop(key_of(item), None)
        self._changed()

    def _read(self, item: Any) -> Resource:
        metadata = map_of(item["metadata"])
        return Resource(
            kind=self._kind,
            name=text_of(metadata, "name"),
            namespace=text_of(metadata, "namespace"),
            spec=map_of(item.get("spec")),
            api_version=_GROUP.removeprefix("/apis/"),
        )
