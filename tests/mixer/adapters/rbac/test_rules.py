"""A Mixer that asks rbac, with roles from a real Kubernetes."""

from __future__ import annotations

from pathlib import Path

import grpc
from tests.kubernetes.cluster import Cluster
from tests.mixer.adapters.rbac.documents import binding, role

from mizzen.testing import MixerProcess, wait_until
from mizzen.wire import encode_check_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2_grpc

POLICIES = """
kind: handler
metadata: {{name: rbac, namespace: istio-system}}
spec:
  compiledAdapter: rbac
  params: {{config_store_url: "k8s://{path}"}}
---
kind: instance
metadata: {{name: request, namespace: istio-system}}
spec:
  compiledTemplate: authorization
  params:
    subject: {{user: request.auth.principal | ""}}
    action: {{namespace: '"{namespace}"', service: '"cart"', path: request.path, method: request.method}}
---
kind: rule
metadata: {{name: authorize, namespace: istio-system}}
spec:
  actions: [{{handler: rbac, instances: [request]}}]
"""


def test_a_role_of_the_cluster_decides(cluster: Cluster, tmp_path: Path) -> None:
    shop = cluster.namespace()
    cluster.apply(role(shop))
    policies = POLICIES.format(path=cluster.write_kubeconfig(tmp_path), namespace=shop)
    with MixerProcess({"policies.yaml": policies}) as mixer, grpc.insecure_channel(str(mixer.address)) as channel:
        stub = mixer_pb2_grpc.MixerStub(channel)

        def code_for(user: str, method: str) -> int:
            attributes = {"request.auth.principal": user, "request.path": "/", "request.method": method}
            answer = stub.Check(pb.CheckRequest.FromString(encode_check_request(attributes)), timeout=10)
            return int(answer.precondition.status.code)

        assert code_for("ann", "GET") == grpc.StatusCode.PERMISSION_DENIED.value[0]
        cluster.apply(binding(shop))
        wait_until(lambda: code_for("ann", "GET") == 0, "the binding is in force")
        assert code_for("bob", "GET") == code_for("ann", "PUT") == grpc.StatusCode.PERMISSION_DENIED.value[0]
