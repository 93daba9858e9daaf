"""The Mixer's configuration in a real Kubernetes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.control_plane import ApiServer

from mizzen.config.store_url import parse_store_url
from mizzen.kubernetes.store import ClusterStore
from mizzen.testing import MixerProcess, wait_until
from mizzen.wire import encode_check_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2_grpc

DENIED = 7
SECONDS = 30.0


def resource(kind: str, name: str, namespace: str, spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "config.istio.io/v1alpha2", "kind": kind, "metadata": metadata, "spec": spec}


def denying(namespace: str, path: str = "/admin") -> list[dict[str, Any]]:
    """A rule that refuses requests for a path, with all it needs."""
    actions = [{"handler": "deny", "instances": ["nothing"]}]
    return [
        resource("handler", "deny", namespace, {"compiledAdapter": "denier", "params": {"status": {"code": DENIED}}}),
        resource("instance", "nothing", namespace, {"compiledTemplate": "checknothing"}),
        resource("rule", "no-admin", namespace, {"match": f'request.path == "{path}"', "actions": actions}),
    ]


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[str]:
    """A namespace whose configuration is deleted at the end."""
    namespace = cluster.namespace()
    yield namespace
    for plural in ("rules", "instances", "handlers", "attributemanifests"):
        cluster.client.delete(f"/apis/config.istio.io/v1alpha2/namespaces/{namespace}/{plural}").raise_for_status()


def store_of(cluster: Cluster, folder: Path, namespace: str, **options: Any) -> ClusterStore:
    url = f"k8s://{cluster.write_kubeconfig(folder)}?ns={namespace}"
    return ClusterStore(parse_store_url(url), namespace, **options)


async def test_a_store_tells_its_state_and_every_later_one(cluster: Cluster, shop: str, tmp_path: Path) -> None:
    handler, instance, rule = denying(shop)
    cluster.apply(handler)
    store = store_of(cluster, tmp_path, shop)
    try:
        state = await asyncio.to_thread(store.load)
        assert list(state.resources) == [f"deny.handler.{shop}"]
        assert state.resources[f"deny.handler.{shop}"].spec == handler["spec"]
        states = store.watch()
        following = asyncio.ensure_future(anext(states))
        for document in (instance, rule):
            await asyncio.to_thread(cluster.apply, document)
        state = await asyncio.wait_for(following, 10)
        while len(state.resources) < 3:
            state = await asyncio.wait_for(anext(states), 10)
        assert list(state.resources) == sorted(state.resources)
        await asyncio.to_thread(cluster.delete, rule)
        state = await asyncio.wait_for(anext(states), 10)
        assert f"no-admin.rule.{shop}" not in state.resources
        await states.aclose()
        await asyncio.to_thread(cluster.delete, instance)  # while nobody watches
        async for later in store.watch():
            if len(later.resources) == 1:
                break
        assert store.load() == store.state == later
    finally:
        store.close()


async def test_a_cluster_that_is_away_or_no_cluster_is_an_error(
    cluster: Cluster, second_server: ApiServer, tmp_path: Path
) -> None:
    path = second_server.write_kubeconfig({"token": cluster.token()}, tmp_path)
    store = ClusterStore(parse_store_url(f"k8s://{path}"), sync_timeout=0.5)
    with pytest.raises(OSError, match=r"^the configuration was not read from Kubernetes within 0.5 s$"):
        await asyncio.to_thread(store.load)
    store = ClusterStore(parse_store_url(f"k8s://{tmp_path}/none"))
    with pytest.raises(OSError, match=r"^cannot use .*/none: "):
        await asyncio.to_thread(store.load)
    store.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_mixer_takes_its_configuration_from_the_cluster(
    cluster: Cluster, shop: str, tmp_path: Path, workers: str
) -> None:
    for document in denying(shop):
        cluster.apply(document)
    process = MixerProcess({})
    url = f"k8s://{cluster.write_kubeconfig(tmp_path)}?ns={shop}"
    options = ["--config-store", url, "--default-namespace", shop, "--workers", workers]
    process.command = ["mixer", *options, "--port", "0", "--monitoring-port", "0"]
    with process as mixer:

        def code_for(path: str) -> int:
            request = pb.CheckRequest.FromString(encode_check_request({"request.path": path}))
            with grpc.insecure_channel(str(mixer.address)) as channel:  # each may get to another worker
                answer = mixer_pb2_grpc.MixerStub(channel).Check(request, timeout=10)
            return int(answer.precondition.status.code)

        def codes_for(path: str) -> set[int]:
            return {code_for(path) for _ in range(8)}

        assert codes_for("/admin") == {DENIED}
        assert codes_for("/") == {0}
        cluster.apply(denying(shop, "/")[2])
        wait_until(lambda: codes_for("/") == {DENIED}, "the changed rule is in force", SECONDS)
        faulty = denying(shop, "/")[2]
        faulty["spec"]["match"] = "request.path =="
        cluster.apply(faulty)
        wait_until(lambda: "no-admin" in errors_of(mixer), "the fault is told", SECONDS)
        assert codes_for("/") == {DENIED}
        cluster.delete(faulty)
        wait_until(lambda: codes_for("/") == {0}, "the rule is deleted", SECONDS)


def errors_of(mixer: MixerProcess) -> str:
    """The faults of the configuration, as JSON."""
    return str(httpx.get(f"{mixer.monitoring_url}/config", trust_env=False).json()["errors"])
