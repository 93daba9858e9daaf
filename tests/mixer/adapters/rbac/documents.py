"""Custom resources as users write them."""

from __future__ import annotations

from typing import Any


def role(namespace: str, method: str = "GET", name: str = "viewer") -> dict[str, Any]:
    spec = {"rules": [{"services": ["cart"], "methods": [method]}]}
    return resource("ServiceRole", name, namespace, spec)


def binding(namespace: str, user: str = "ann", name: str = "viewers") -> dict[str, Any]:
    spec = {"subjects": [{"user": user}], "roleRef": {"kind": "ServiceRole", "name": "viewer"}}
    return resource("ServiceRoleBinding", name, namespace, spec)


def resource(kind: str, name: str, namespace: str, spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "rbac.istio.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
