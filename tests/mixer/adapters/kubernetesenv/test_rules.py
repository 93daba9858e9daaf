"""A rule that asks for the workload of a client which is known by its address alone."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
from tests.kubernetes.cluster import Cluster, pod

from mizzen.testing import LocalMixer, MixerProcess, wait_until
from mizzen.wire import encode_check_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2_grpc

POLICIES = """
kind: handler
metadata: {{name: kubernetesenv, namespace: istio-system}}
spec:
  compiledAdapter: kubernetesenv
  params: {{kubeconfig_path: "{path}"}}
---
kind: instance
metadata: {{name: attributes, namespace: istio-system}}
spec:
  compiledTemplate: kubernetes
  params:
    source_uid: source.uid | ""
    source_ip: source.ip | ip("0.0.0.0")
  attributeBindings:
    source.workload.name: $out.source_workload_name | "unknown"
    source.labels: $out.source_labels | emptyStringMap()
---
kind: rule
metadata: {{name: generate, namespace: istio-system}}
spec:
  actions: [{{handler: kubernetesenv, instances: [attributes]}}]
---
kind: handler
metadata: {{name: deny, namespace: istio-system}}
spec:
  compiledAdapter: denier
  params: {{status: {{code: 7}}}}
---
kind: instance
metadata: {{name: nothing, namespace: istio-system}}
spec: {{compiledTemplate: checknothing}}
---
kind: rule
metadata: {{name: no-web, namespace: istio-system}}
spec:
  match: source.workload.name == "web" && source.labels["version"] == "v1"
  actions: [{{handler: deny, instances: [nothing]}}]
"""


class Server(Protocol):
    def put(self, path: str, item: Any) -> None: ...
    def write_kubeconfig(self, folder: Path) -> str: ...


def test_a_workload_is_refused(kubernetes_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "controller": True}
    metadata = {"name": "web-0", "namespace": "shop", "ownerReferences": [owner], "labels": {"version": "v1"}}
    kubernetes_server.put("/api/v1/pods", {"metadata": metadata, "status": {"podIP": "10.0.0.1"}})
    with LocalMixer(POLICIES.format(path=kubernetes_server.write_kubeconfig(tmp_path))) as mixer:
        refused = mixer.check({"source.ip": bytes([10, 0, 0, 1])})
        allowed = mixer.check({"source.ip": bytes([10, 0, 0, 2])})
    assert refused.code == 7
    assert allowed.code == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_mixer_refuses_a_workload_of_a_real_kubernetes(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    shop = cluster.namespace()
    web, cart = pod("web", shop), pod("cart", shop)
    web["metadata"]["labels"]["version"] = "v1"
    refused, allowed = cluster.run_pod(web), cluster.run_pod(cart)
    policies = POLICIES.format(path=cluster.write_kubeconfig(tmp_path))
    with MixerProcess({"policies.yaml": policies}, ["--workers", workers]) as mixer:

        def code_for(address: str) -> int:
            request = encode_check_request({"source.ip": ipaddress.ip_address(address).packed})
            with grpc.insecure_channel(str(mixer.address)) as channel:  # each connection may get to another worker
                stub = mixer_pb2_grpc.MixerStub(channel)
                answer = stub.Check(pb.CheckRequest.FromString(request), timeout=10)
                return int(answer.precondition.status.code)

        assert [code_for(address) for address in (refused, allowed) * 4] == [7, 0] * 4
        cluster.delete(web)
        cluster.apply({**cart, "metadata": {**cart["metadata"], "labels": {"version": "v1"}}})
        late = cluster.run_pod({**web, "metadata": {**web["metadata"], "name": "web"}})
        wait_until(lambda: [code_for(late) for _ in range(8)] == [7] * 8, "every worker knows the new pod", 30)
        assert code_for(refused) == code_for(allowed) == 0
