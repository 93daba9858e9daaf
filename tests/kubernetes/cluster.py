"""A cluster as its administrator works with it: objects are applied, changed and deleted."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.kubernetes.control_plane import ApiServer, ControlPlane

from mizzen.testing import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy/kubernetes"
SYSTEM = "istio-system"
ACCOUNT = "mizzen-mixer"
ROLES = "/apis/rbac.istio.io/v1alpha1"
APPLY = {"content-type": "application/apply-patch+yaml"}
MERGE = {"content-type": "application/merge-patch+json"}
CONFIG = "/apis/config.istio.io/v1alpha2"
CUSTOM = (
    f"{ROLES}/serviceroles",
    f"{ROLES}/servicerolebindings",
    *(f"{CONFIG}/{plural}" for plural in ("attributemanifests", "handlers", "instances", "rules")),
)
PLURALS = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies"}
CLUSTER_WIDE = {
    "Namespace",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


class Cluster:
    """Has what deploy/kubernetes holds. Namespaces and addresses that it gives are used by nobody else."""

    def __init__(self, plane: ControlPlane, server: ApiServer) -> None:
        self.plane = plane
        self.server = server
        self.client = server.client()
        self.numbers = itertools.count(1)
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
        self.deploy()

    def deploy(self) -> None:
        """All of deploy/kubernetes; returns once the custom resources are served."""
        for path in sorted(DEPLOY.glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                self.apply(document)
        for resource in CUSTOM:
            wait_until(partial(self.serves, resource), f"{resource} is served")

    def serves(self, path: str) -> bool:
        return self.client.get(path).status_code == 200

    def apply(self, document: Mapping[str, Any]) -> Any:
        """Server-side, as `kubectl apply --server-side` does; httpx.HTTPStatusError if it is refused."""
        query = {"fieldManager": "tests", "force": "true"}
        answer = self.client.patch(path_of(document), content=yaml.safe_dump(document), params=query, headers=APPLY)
        return checked(answer)

    def create(self, document: Mapping[str, Any]) -> Any:
        return checked(self.client.post(path_of(document).rpartition("/")[0], json=document))

    def set_status(self, document: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        """What a kubelet does for its pods."""
        checked(self.client.patch(f"{path_of(document)}/status", json={"status": status}, headers=MERGE))

    def delete(self, document: Mapping[str, Any]) -> None:
        checked(self.client.delete(path_of(document), params={"gracePeriodSeconds": "0"}))

    def list(self, path: str) -> Any:
        return checked(self.client.get(path))["items"]

    def token(self, account: str = ACCOUNT, namespace: str = SYSTEM, seconds: int = 3600) -> str:
        """A token of a service account, as the kubelet puts it into the files of a pod."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token: str = checked(self.client.post(path, json={"spec": {"expirationSeconds": seconds}}))["status"]["token"]
        return token

    def account(self, name: str, namespace: str = SYSTEM) -> dict[str, Any]:
        document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
        self.apply(document)
        return document

    def namespace(self) -> str:
        """A new one, with its default service account, which a controller would make."""
        name = f"shop-{next(self.numbers)}"
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.account("default", name)
        return name

    def address(self) -> str:
        number = next(self.numbers)
        return f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"

    def run_pod(self, document: Mapping[str, Any], address: str = "", **status: Any) -> str:
        """Creates a pod and lets it run at `address`, or one that nobody has; returns the address."""
        address = address or self.address()
        self.create(document)
        running = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "192.168.0.1"}
        self.set_status(document, {**running, "hostIPs": [{"ip": "192.168.0.1"}], **status})
        return address

    def write_kubeconfig(self, folder: Path, user: Mapping[str, Any] | None = None) -> str:
        """The path of a kubeconfig for `user`, else with a token of the Mixer's account."""
        return self.server.write_kubeconfig(user or {"token": self.token()}, folder)


def pod(name: str, namespace: str, owner: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": {"app": name.split("-")[0]}}
    if owner:
        metadata["ownerReferences"] = [reference_to(owner)]
    container = {"name": "app", "image": "app", "ports": [{"containerPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def reference_to(owner: Mapping[str, Any]) -> dict[str, Any]:
    """`owner` is as the API server answered it."""
    metadata = owner["metadata"]
    names = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": metadata["name"]}
    return {**names, "uid": metadata["uid"], "controller": True}


def path_of(document: Mapping[str, Any]) -> str:
    """Of one object, which must have a name."""
    version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = "" if kind in CLUSTER_WIDE else f"/namespaces/{metadata['namespace']}"
    return f"{root}{place}/{PLURALS.get(kind, kind.lower() + 's')}/{metadata['name']}"


def checked(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
    return answer.json()
