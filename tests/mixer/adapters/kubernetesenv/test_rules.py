"""A rule that asks for the workload of a client which is known by its address alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from mizzen.testing import LocalMixer

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
