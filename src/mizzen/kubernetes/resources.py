"""Custom resources of one API group, kept equal to those of a cluster."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mizzen.config.resource import Resource
from mizzen.config.store_url import StoreUrl
from mizzen.kubernetes.api import Api, ClusterConfigError
from mizzen.kubernetes.background import Background
from mizzen.kubernetes.client import KubernetesApi
from mizzen.kubernetes.objects import key_of, map_of, text_of
from mizzen.kubernetes.progress import WatchMetrics, WatchProgress
from mizzen.kubernetes.reflector import Reflector

_WATCH_S = 300.0
_GATHER_S = 0.02  # changes that arrive together are taken over together
_DEEPEST = 64
_CUT = f"(nested deeper than {_DEEPEST} levels)"
LABELS = ("resource", "namespace")


@dataclass(frozen=True)
class Group:
    """Kinds of `api_version` with the plural names that their paths have. `installed_by` is the file that a cluster
    has them from."""

    api_version: str
    plurals: Mapping[str, str]
    installed_by: str

    @property
    def hints(self) -> Mapping[int, str]:
        names = ", ".join(self.plurals.values())
        return {
            403: f"the account needs list and watch for {names} of {self.api_version.split('/')[0]}",
            404: f"the cluster does not know the custom resources; {self.installed_by} has them",
        }


class ResourceWatch:
    """Watches a group on a thread of its own. `take` is called on that thread with all resources by key: once every
    kind was listed, and after each change. `known` turns true after the first time.

    Building waits until each kind was listed or failed to be, at most `sync_timeout` seconds, and raises
    `ClusterConfigError` when there is no usable configuration of the cluster. `metrics` have the labels `labels` and
    `LABELS`.
    """

    def __init__(
        self,
        group: Group,
        url: StoreUrl,
        take: Callable[[Mapping[str, Resource]], None],
        metrics: WatchMetrics,
        labels: Mapping[str, str],
        logger: Any,
        sync_timeout: float,
    ) -> None:
        self.known = False
        self._group = group
        self._url = url
        self._tell = take
        self._metrics = metrics
        self._labels = labels
        self._logger = logger
        places = [(kind, namespace) for kind in group.plurals for namespace in url.namespaces or ("",)]
        self._tables = {place: ResourceTable(place[0], group.api_version, self._changed) for place in places}
        self._unasked = set(places)
        self._waiting = set(places)
        self._gathering = False
        self._ready = threading.Event()
        self._failures: list[Exception] = []
        self._background = Background(self._serve, self._ended, name=f"watch of {group.api_version}")
        self._ready.wait(sync_timeout)
        for failure in self._failures:
            self.close()
            raise ClusterConfigError(str(failure)) from failure

    def close(self) -> None:
        self._background.close()

    async def _serve(self) -> None:
        api = await KubernetesApi.open(self._url.kubeconfig)
        try:
            async with asyncio.TaskGroup() as tasks:
                for place, table in self._tables.items():
                    tasks.create_task(self._reflect(api, place, table))
        finally:
            await api.close()

    async def _reflect(self, api: Api, place: tuple[str, str], table: ResourceTable) -> None:
        kind, namespace = place
        plural = self._group.plurals[kind]
        labels = {**self._labels, "resource": plural, "namespace": namespace}
        progress = WatchProgress(
            self._metrics, labels, self._logger, partial(self._attempted, place), self._group.hints
        )
        within = f"/namespaces/{namespace}" if namespace else ""
        path = f"/apis/{self._group.api_version}{within}/{plural}"
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
        """Some kinds without the others make no sense: nothing is taken before all were listed once."""
        if self.known and not self._gathering:
            self._gathering = True
            asyncio.get_running_loop().call_later(_GATHER_S, self._take)

    def _take(self) -> None:
        self._gathering = False
        resources = {resource.key: resource for table in self._tables.values() for resource in table}
        self._tell(dict(sorted(resources.items())))

    def _ended(self, failure: Exception | None) -> None:
        if failure:
            self._failures.append(failure)
        if failure and self._ready.is_set():
            self._logger.error("kubernetes is not watched any more", **self._labels, error=repr(failure))
        self._ready.set()


class ResourceTable:
    """The resources of one kind, of all namespaces or of one. See `Sink`."""

    def __init__(self, kind: str, api_version: str, changed: Callable[[], None]) -> None:
        self._kind = kind
        self._api_version = api_version
        self._changed = changed
        self._kept: dict[str, Resource] = {}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._kept.values())

    def replace(self, items: Iterable[Any]) -> None:
        self._kept = dict(map(self._read, items))
        self._changed()

    def put(self, item: Any) -> None:
        key, resource = self._read(item)
        self._kept[key] = resource
        self._changed()

    def remove(self, item: Any) -> None:
        self._kept.pop(key_of(item), None)
        self._changed()

    def _read(self, item: Any) -> tuple[str, Resource]:
        key = key_of(item)
        metadata = map_of(item["metadata"])
        resource = Resource(
            kind=self._kind,
            name=text_of(metadata, "name"),
            namespace=text_of(metadata, "namespace"),
            spec=cut(map_of(item.get("spec"))),
            api_version=self._api_version,
            labels=_texts(metadata.get("labels")),
            annotations=_texts(metadata.get("annotations")),
        )
        return key, resource


def _texts(value: Any) -> Mapping[str, str]:
    return {name: text for name, text in map_of(value).items() if isinstance(text, str)}


def cut(value: Any, levels: int = _DEEPEST) -> Any:
    """`value` with a text in place of what is nested too deep, which no spec is: reading it must not end the watch."""
    if isinstance(value, dict):
        return {name: cut(item, levels - 1) for name, item in value.items()} if levels else _CUT
    if isinstance(value, list):
        return [cut(item, levels - 1) for item in value] if levels else _CUT
    return value
