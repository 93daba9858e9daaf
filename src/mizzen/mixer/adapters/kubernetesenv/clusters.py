"""The caches of all clusters, kept by a thread with an event loop of its own.

The first cluster is that of the kubeconfig; others come and go with the secrets labelled `istio/multiCluster=true`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from mizzen.kubernetes.api import Api, ApiError, ClusterConfigError
from mizzen.kubernetes.background import Background
from mizzen.kubernetes.client import KubernetesApi
from mizzen.kubernetes.objects import key_of
from mizzen.kubernetes.progress import WatchMetrics, WatchProgress
from mizzen.kubernetes.reflector import Reflector, Sink
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.kubernetesenv.cache import ClusterCache
from mizzen.mixer.adapters.results import AdapterError

LOCAL = "local"
_SELECTOR = "istio/multiCluster=true"
_RESOURCES = {
    "pods": "/api/v1/pods",
    "replicasets": "/apis/apps/v1/replicasets",
    "replicationcontrollers": "/api/v1/replicationcontrollers",
}


class Clusters:
    """Building waits until each resource of the first cluster was listed or failed to be, at most `sync_timeout`."""

    def __init__(
        self,
        environment: Environment,
        registry: CollectorRegistry,
        kubeconfig_path: str,
        namespace: str,
        watch_seconds: float,
        sync_timeout: float,
    ) -> None:
        self._environment = environment
        self._metrics = WatchMetrics("mizzen_kubernetesenv", ["handler", "cluster", "resource"], registry)
        self._path = kubeconfig_path
        self._namespace = namespace
        self._seconds = watch_seconds
        self._caches: dict[str, ClusterCache] = {LOCAL: ClusterCache()}
        self._remote: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._unasked = set(_RESOURCES)
        self._waiting = set(_RESOURCES)
        self._ready = threading.Event()
        self._failures: list[Exception] = []
        self._background = Background(self._serve, self._ended, name=f"{environment.handler} watches")
        self._ready.wait(sync_timeout)
        for failure in self._failures:
            self.close()
            raise AdapterError(f"kubernetesenv: {failure}") from failure
        if self._waiting:
            environment.logger.warning("kubernetes is not known yet", handler=environment.handler)

    def caches(self) -> list[ClusterCache]:
        """The first cluster, then the others in the order of their names."""
        return list(self._caches.values())

    def close(self) -> None:
        self._background.close()

    def _ended(self, failure: Exception | None) -> None:
        if failure:
            self._failures.append(failure)
        if failure and self._ready.is_set():
            self._environment.logger.error(
                "kubernetes is not watched any more", handler=self._environment.handler, error=repr(failure)
            )
        self._ready.set()

    async def _serve(self) -> None:
        api = await KubernetesApi.open(self._path)
        try:
            async with asyncio.TaskGroup() as group:
                for resource in _RESOURCES:
                    group.create_task(self._reflect(api, LOCAL, resource))
                group.create_task(self._follow_secrets(api, group))
        finally:
            await api.close()

    async def _reflect(self, api: Api, cluster: str, resource: str) -> None:
        cache = self._caches[cluster]
        tables: dict[str, Sink] = {
            "pods": cache.pods,
            "replicasets": cache.replica_sets,
            "replicationcontrollers": cache.replication_controllers,
        }
        progress = self._progress(cluster, resource)
        await Reflector(api, _RESOURCES[resource], tables[resource], progress, self._seconds, asyncio.sleep).run()

    async def _follow_secrets(self, api: Api, group: asyncio.TaskGroup) -> None:
        path = f"/api/v1/namespaces/{self._namespace}/secrets"
        progress = self._progress(LOCAL, "secrets")
        query = {"labelSelector": _SELECTOR}
        await Reflector(api, path, _Secrets(self, group), progress, self._seconds, asyncio.sleep, query).run()

    def use(self, kubeconfigs: Mapping[str, str], group: asyncio.TaskGroup) -> None:
        """Opens, changes and forgets clusters so that they are those of `kubeconfigs`, YAML texts by name."""
        for name in [name for name, (text, _) in self._remote.items() if kubeconfigs.get(name) != text]:
            self._remote.pop(name)[1].cancel()
            self._caches = {other: cache for other, cache in self._caches.items() if other != name}
            for resource in (*_RESOURCES, "secrets"):
                labels = {"handler": self._environment.handler, "cluster": name, "resource": resource}
                self._metrics.forget(labels)
        for name in sorted(set(kubeconfigs) - set(self._remote)):
            caches = {**self._caches, name: ClusterCache()}
            self._caches = dict(sorted(caches.items(), key=lambda entry: (entry[0] != LOCAL, entry[0])))
            self._remote[name] = (kubeconfigs[name], group.create_task(self._serve_remote(name, kubeconfigs[name])))

    async def _serve_remote(self, name: str, text: str) -> None:
        try:
            api = await KubernetesApi.open_document(yaml.safe_load(text))
        except Exception as error:  # whatever a secret holds, it concerns its cluster alone
            reason = str(error) if isinstance(error, ClusterConfigError) else "the entry is no kubeconfig"
            self._progress(name, "secrets").failed(ApiError(0, reason))
            return
        try:
            await asyncio.gather(*(self._reflect(api, name, resource) for resource in _RESOURCES))
        finally:
            await api.close()

    def _progress(self, cluster: str, resource: str) -> WatchProgress:
        labels = {"handler": self._environment.handler, "cluster": cluster, "resource": resource}
        attempted = partial(self._attempted, cluster, resource)
        return WatchProgress(self._metrics, labels, self._environment.logger, attempted)

    def _attempted(self, cluster: str, resource: str, listed: bool) -> None:
        if cluster != LOCAL or resource not in _RESOURCES:
            return
        self._unasked.discard(resource)
        if listed:
            self._waiting.discard(resource)
        if not self._unasked:
            self._ready.set()


class _Secrets:
    """Kubeconfigs by `<secret>.<namespace>/<entry>`, as a table for a reflector."""

    def __init__(self, clusters: Clusters, group: asyncio.TaskGroup) -> None:
        self._clusters = clusters
        self._group = group
        self._known: dict[str, dict[str, str]] = {}

    def replace(self, items: Iterable[Any]) -> None:
        self._known = {key_of(item): _entries(item) for item in items}
        self._use()

    def put(self, item: Any) -> None:
        self._known[key_of(item)] = _entries(item)
        self._use()

    def remove(self, item: Any) -> None:
        self._known.pop(key_of(item), None)
        self._use()

    def _use(self) -> None:
        texts = {f"{secret}/{name}": text for secret, found in self._known.items() for name, text in found.items()}
        self._clusters.use(texts, self._group)


def _entries(secret: Any) -> dict[str, str]:
    data = secret.get("data") if isinstance(secret, dict) else None
    found: dict[str, str] = {}
    for name, encoded in (data if isinstance(data, dict) else {}).items():
        with contextlib.suppress(ValueError, TypeError):
            found[str(name)] = base64.b64decode(encoded).decode()
    return found
