"""What is kept of Kubernetes objects: the few fields that attributes are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mizzen.kubernetes.objects import list_of, map_of, text_of

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of an object, as its owner reference names it."""

    api_version: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Controller:
    """A ReplicaSet or a ReplicationController: only who controls it is of interest."""

    owner: Owner | None


@dataclass(frozen=True, slots=True)
class Pod:
    """`addresses` are those by which the pod can be found: none if it uses its host's or has ended."""

    name: str
    namespace: str
    service_account: str
    labels: Mapping[str, str]
    ip: str
    host_ip: str
    addresses: tuple[str, ...]
    owner: Owner | None
    ports: Mapping[int, str] = field(default_factory=dict)
    """Container by the port that it declares."""


def controller_of(data: Any) -> Controller:
    return Controller(_owner(map_of(map_of(data).get("metadata"))))


def pod_of(data: Any) -> Pod:
    metadata, spec, status = (map_of(map_of(data).get(part)) for part in ("metadata", "spec", "status"))
    ip = text_of(status, "podIP")
    addresses = [ip, *(text_of(map_of(entry), "ip") for entry in list_of(status.get("podIPs")))]
    hidden = spec.get("hostNetwork") is True or status.get("phase") in _ENDED
    return Pod(
        name=text_of(metadata, "name"),
        namespace=text_of(metadata, "namespace"),
        service_account=text_of(spec, "serviceAccountName"),
        labels={str(name): str(value) for name, value in map_of(metadata.get("labels")).items()},
        ip=ip,
        host_ip=text_of(status, "hostIP"),
        addresses=() if hidden else tuple(dict.fromkeys(filter(None, addresses))),
        owner=_owner(metadata),
        ports=_ports(spec),
    )


def _ports(spec: Mapping[str, Any]) -> dict[int, str]:
    """The first container wins that declares a port."""
    found: dict[int, str] = {}
    for container in map(map_of, list_of(spec.get("containers"))):
        for port in map(map_of, list_of(container.get("ports"))):
            number = port.get("containerPort")
            if isinstance(number, int):
                found.setdefault(number, text_of(container, "name"))
    return found


def _owner(metadata: Mapping[str, Any]) -> Owner | None:
    for reference in map(map_of, list_of(metadata.get("ownerReferences"))):
        if reference.get("controller") is True:
            return Owner(text_of(reference, "apiVersion"), text_of(reference, "kind"), text_of(reference, "name"))
    return None
