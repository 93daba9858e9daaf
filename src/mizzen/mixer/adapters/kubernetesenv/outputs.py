"""The outputs of template kubernetes for one side of a request."""

from __future__ import annotations

import ipaddress

from mizzen.mixer.adapters.kubernetesenv.cache import ClusterCache
from mizzen.mixer.adapters.kubernetesenv.objects import Pod
from mizzen.mixer.expr import Value


def outputs_of(pod: Pod, cluster: ClusterCache) -> dict[str, Value]:
    """Outputs by name without the side; what is empty is left out."""
    root = cluster.root_of(pod)
    workload = root.name if root else pod.name
    api_version, kind = (root.api_version, root.kind) if root else ("v1", "Pod")
    found: dict[str, Value | None] = {
        "pod_uid": f"kubernetes://{pod.name}.{pod.namespace}",
        "pod_name": pod.name,
        "namespace": pod.namespace,
        "service_account_name": pod.service_account,
        "labels": dict(pod.labels),
        "pod_ip": _address(pod.ip),
        "host_ip": _address(pod.host_ip),
        "owner": f"kubernetes://apis/{api_version}/namespaces/{pod.namespace}/{kind.lower()}s/{workload}",
        "workload_name": workload,
        "workload_namespace": pod.namespace,
        "workload_uid": f"istio://{pod.namespace}/workloads/{workload}",
    }
    return {name: value for name, value in found.items() if value}


def _address(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None
