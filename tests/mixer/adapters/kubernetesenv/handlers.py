"""Handlers of kubernetesenv under test, and what tests ask them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mizzen.mixer.adapters import Adapter
from mizzen.mixer.adapters.kubernetesenv import KubernetesEnvAdapter, KubernetesEnvParams
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Kubernetes

Builder = Callable[..., KubernetesEnvAdapter]


def build_handler(kubeconfig: str, variables: dict[str, str] | None = None, **params: Any) -> KubernetesEnvAdapter:
    decoded = KubernetesEnvParams.model_validate_json(json.dumps({"kubeconfig_path": kubeconfig, **params}))
    return KubernetesEnvAdapter(decoded, AdapterBench().environment(), variables or {})


def ask(handler: KubernetesEnvAdapter, **fields: Any) -> dict[str, Value]:
    return handler.generate(Kubernetes("attributes.instance.istio-system", **fields))


def name_at(handler: KubernetesEnvAdapter, address: str) -> Value | None:
    """The name of the pod that a request from `address` comes from."""
    return ask(handler, source_ip=ipaddress.ip_address(address).packed).get("source_pod_name")


def number(handler: Adapter, name: str, **labels: str) -> float:
    """The sum of the samples `mizzen_kubernetesenv_<name>` with these labels."""
    assert handler.registry is not None
    families = text_string_to_metric_families(generate_latest(handler.registry).decode())
    samples = [s for f in families for s in f.samples if s.name == f"mizzen_kubernetesenv_{name}"]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())
