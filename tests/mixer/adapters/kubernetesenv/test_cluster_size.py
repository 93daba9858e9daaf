"""kubernetesenv with as many pods as take several pages of a real Kubernetes."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.kubernetes.cluster import Cluster, pod
from tests.mixer.adapters.kubernetesenv.handlers import build_handler, name_at, number

from mizzen.testing import wait_until

PODS = 1010
MOST_BYTES = 64 * 2**20


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_every_pod_of_a_large_cluster_is_known_and_takes_little_memory(cluster: Cluster, tmp_path: Path) -> None:
    shop = cluster.namespace()
    path = cluster.write_kubeconfig(tmp_path)
    build_handler(path).close()  # the library is loaded
    with ThreadPoolExecutor(4) as pool:
        addresses = list(pool.map(lambda index: cluster.run_pod(pod(f"web-{index}", shop)), range(PODS)))
    before = resident_bytes()
    handler = build_handler(path)
    try:
        assert {name_at(handler, address) for address in addresses} == {f"web-{index}" for index in range(PODS)}
        assert resident_bytes() - before < MOST_BYTES
        pods = f"/api/v1/namespaces/{shop}/pods"
        cluster.client.delete(pods, params={"gracePeriodSeconds": "0"}).raise_for_status()
        wait_until(lambda: not any(name_at(handler, address) for address in addresses), "all are deleted", 60)
        assert number(handler, "lists_total", resource="pods") == 1
    finally:
        handler.close()
