"""A generator that knows two pods, as kubernetesenv knows those of a cluster; without one to watch."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.mixer.templates import Kubernetes
from mizzen.sdk import Adapter

PODS = {
    "kubernetes://cart-7d9f8-x2x4z.shop": ("cart-7d9f8-x2x4z", "cart", "shop"),
    "kubernetes://web-5c6d7-abcde.front": ("web-5c6d7-abcde", "web", "front"),
}


class Pods(Adapter):
    name = "pods"
    templates = frozenset(["kubernetes"])
    blocking = False
    deterministic = True

    def generate(self, instance: Kubernetes) -> Mapping[str, object]:
        outputs: dict[str, object] = {}
        for side, uid in (("source", instance.source_uid), ("destination", instance.destination_uid)):
            if uid in PODS:
                pod, workload, namespace = PODS[uid]
                outputs |= {f"{side}_pod_name": pod, f"{side}_workload_name": workload}
                outputs |= {f"{side}_namespace": namespace, f"{side}_labels": {"app": workload}}
        return outputs
