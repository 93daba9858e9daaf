"""kubernetesenv while API servers of a real Kubernetes come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.kubernetes.cluster import Cluster, pod
from tests.kubernetes.control_plane import ApiServer
from tests.mixer.adapters.kubernetesenv.handlers import build_handler, name_at, number

from mizzen.kubernetes.client import KubernetesApi
from mizzen.kubernetes.reflector import Reflector
from mizzen.mixer.adapters.kubernetesenv import KubernetesEnvAdapter
from mizzen.testing import wait_until

SECONDS = 120.0  # a server needs some to start, and pauses between requests grow


@pytest.fixture
def shop(cluster: Cluster) -> str:
    return cluster.namespace()


def handler_of(cluster: Cluster, server: ApiServer, folder: Path, **params: Any) -> KubernetesEnvAdapter:
    return build_handler(server.write_kubeconfig({"token": cluster.token()}, folder), **params)


def test_a_server_that_is_away_at_first_is_found_later(
    cluster: Cluster, second_server: ApiServer, shop: str, tmp_path: Path
) -> None:
    address = cluster.run_pod(pod("web", shop))
    handler = handler_of(cluster, second_server, tmp_path)
    try:
        assert name_at(handler, address) is None
        assert number(handler, "lookups_total", outcome="missing") == 1
        assert number(handler, "synced") == 0
        assert number(handler, "failures_total", resource="pods") >= 1
        second_server.start()
        wait_until(lambda: name_at(handler, address) == "web", "the pod is known", SECONDS)
        assert number(handler, "synced", resource="pods") == 1
    finally:
        handler.close()


def test_a_crash_leaves_what_is_known_and_a_version_that_is_forgotten_means_a_new_list(
    cluster: Cluster, second_server: ApiServer, shop: str, tmp_path: Path
) -> None:
    second_server.start()
    address, gone = cluster.run_pod(pod("web", shop)), cluster.run_pod(pod("gone", shop))
    handler = handler_of(cluster, second_server, tmp_path)
    try:
        assert (name_at(handler, address), name_at(handler, gone)) == ("web", "gone")
        second_server.crash()
        wait_until(lambda: number(handler, "failures_total", resource="pods") > 0, "the watch breaks")
        assert (name_at(handler, address), name_at(handler, gone)) == ("web", "gone")
        cluster.delete(pod("gone", shop))
        other = cluster.run_pod(pod("other", shop))
        cluster.plane.compact()
        second_server.start()
        wait_until(lambda: name_at(handler, other) == "other", "the new pod is known", SECONDS)
        assert (name_at(handler, address), name_at(handler, gone)) == ("web", None)
        assert number(handler, "lists_total", resource="pods") == 2
    finally:
        handler.close()


class Compacting:
    """An API whose cluster forgets its past after the first page of a list."""

    def __init__(self, api: KubernetesApi, cluster: Cluster, server: ApiServer) -> None:
        self.api = api
        self.cluster = cluster
        self.server = server
        self.queries: list[dict[str, str]] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Any:
        self.queries.append(dict(query))
        answer = await self.api.get(path, query)
        if len(self.queries) == 1:
            assert answer["metadata"]["continue"]
            self.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "after-the-first-page"}})
            self.cluster.plane.compact()
            self.server.crash()
            self.server.start()
        return answer

    def watch(self, path: str, query: Mapping[str, str], seconds: float) -> Any:
        raise asyncio.CancelledError  # the list is what matters


class Table:
    """What a reflector fills, and what it tells."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.failures: list[str] = []

    def replace(self, items: Any) -> None:
        self.names = {item["metadata"]["name"] for item in items}

    def put(self, item: Any) -> None: ...
    def remove(self, item: Any) -> None: ...
    def synced(self) -> None: ...

    def failed(self, error: Exception) -> None:
        self.failures.append(str(error))


async def test_pages_whose_version_is_forgotten_are_read_again_as_one(
    cluster: Cluster, second_server: ApiServer, tmp_path: Path
) -> None:
    shop = cluster.namespace()
    names = {f"item-{number}" for number in range(600)}
    for name in names:
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": shop}})
    second_server.start()
    identity = cluster.plane.folder / "admin"
    admin = {"client-certificate": f"{identity}.crt", "client-key": f"{identity}.key"}
    api = await KubernetesApi.open(second_server.write_kubeconfig(admin, tmp_path))
    table = Table()
    compacting = Compacting(api, cluster, second_server)

    async def pause(seconds: float) -> None:
        raise AssertionError(table.failures)

    reflector = Reflector(compacting, f"/api/v1/namespaces/{shop}/configmaps", table, table, 60, pause)
    with pytest.raises(asyncio.CancelledError):
        await reflector.run()
    await api.close()
    assert table.names >= names
    assert [sorted(query) for query in compacting.queries] == [["limit"], ["continue", "limit"], []]
