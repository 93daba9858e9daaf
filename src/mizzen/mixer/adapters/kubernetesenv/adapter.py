"""kubernetesenv: attributes of workloads from the pods of Kubernetes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.kubernetesenv.cache import ClusterCache
from mizzen.mixer.adapters.kubernetesenv.objects import Pod
from mizzen.mixer.adapters.kubernetesenv.outputs import outputs_of
from mizzen.mixer.adapters.kubernetesenv.params import KubernetesEnvParams
from mizzen.mixer.adapters.results import AdapterError
from mizzen.mixer.adapters.texts import to_address
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Instance, Kubernetes

_DEFAULT_NAMESPACE = "istio-system"


class KubernetesEnvAdapter(Adapter):
    """Looks source and destination up among the pods it watches: no request waits for the API server.

    Needs the package `kubernetes-asyncio` (`pip install mizzen[kubernetes]`).
    """

    name = "kubernetesenv"
    templates = frozenset(["kubernetes"])
    Params = KubernetesEnvParams
    deterministic = True

    def __init__(
        self, params: KubernetesEnvParams, environment: Environment, variables: Mapping[str, str] = os.environ
    ) -> None:
        """`variables` are those of the environment."""
        super().__init__(params, environment)
        try:
            from mizzen.mixer.adapters.kubernetesenv.clusters import Clusters
        except ImportError:
            raise AdapterError(
                "kubernetesenv needs the package kubernetes-asyncio: pip install 'mizzen[kubernetes]'"
            ) from None
        self.registry = CollectorRegistry()
        lookups = Counter(
            "mizzen_kubernetesenv_lookups",
            "Sides of requests that were looked up, by outcome",
            ["handler", "outcome"],
            registry=self.registry,
        )
        self._found = lookups.labels(environment.handler, "found")
        self._missing = lookups.labels(environment.handler, "missing")
        self._clusters = Clusters(
            environment,
            self.registry,
            variables.get("KUBECONFIG") or params.kubeconfig_path,
            params.cluster_registries_namespace or variables.get("POD_NAMESPACE") or _DEFAULT_NAMESPACE,
            params.cache_refresh_duration / 1e9,
            params.sync_timeout / 1e9,
        )

    def generate(self, instance: Instance) -> dict[str, Value]:
        given = cast(Kubernetes, instance)
        outputs: dict[str, Value] = {}
        self._add("source_", given.source_uid, given.source_ip, outputs)
        pod = self._add("destination_", given.destination_uid, given.destination_ip, outputs)
        container = pod.ports.get(given.destination_port) if pod and given.destination_port > 0 else None
        if container:
            outputs["destination_container_name"] = container
        return outputs

    def close(self) -> None:
        self._clusters.close()

    def _add(self, side: str, uid: str, ip: bytes | None, outputs: dict[str, Value]) -> Pod | None:
        """The outputs of one side; a uid wins over an address."""
        address = to_address(ip) if ip else None
        wanted = uid or (str(address) if address and not address.is_unspecified else "")
        if not wanted:
            return None
        found = self._find(wanted)
        if found is None:
            self._missing.inc()
            return None
        self._found.inc()
        outputs.update((side + name, value) for name, value in outputs_of(*found).items())
        return found[0]

    def _find(self, uid: str) -> tuple[Pod, ClusterCache] | None:
        for cluster in self._clusters.caches():
            pod = cluster.find(uid)
            if pod:
                return pod, cluster
        return None
