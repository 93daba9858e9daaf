"""What is kept of Kubernetes objects: the few fields that attributes are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


def key_of(data: Any) -> str:
    """`<name>.<namespace>`, which tells objects of one kind apart; ValueError for what is no object."""
    metadata = _map(_map(data).get("metadata"))
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not isinstance(namespace, str) or not name:
        raise ValueError("an object has no name or no namespace")
    return f"{name}.{namespace}"


def controller_of(data: Any) -> Controller:
    return Controller(_owner(_map(_map(data).get("metadata"))))


def pod_of(data: Any) -> Pod:
    metadata, spec, status = (_map(_map(data).get(part)) for part in ("metadata", "spec", "status"))
    ip = _text(status, "podIP")
    addresses = [ip, *(_text(_map(entry), "ip") for entry in _list(status.get("podIPs")))]
    hidden = spec.get("hostNetwork") is True or status.get("phase") in _ENDED
    return Pod(
        name=_text(metadata, "name"),
        namespace=_text(metadata, "namespace"),
        service_account=_text(spec, "serviceAccountName"),
        labels={str(name): str(value) for name, value in _map(metadata.get("labels")).items()},
        ip=ip,
        host_ip=_text(status, "hostIP"),
        addresses=() if hidden else tuple(dict.fromkeys(filter(None, addresses))),
        owner=_owner(metadata),
        ports=_ports(spec),
    )


def _ports(spec: Mapping[str, Any]) -> dict[int, str]:
    """The first container wins that declares a port."""
    found: dict[int, str] = {}
    for container in map(_map, _list(spec.get("containers"))):
        for port in map(_map, _list(container.get("ports"))):
            number = port.get("containerPort")
            if isinstance(number, int):
                found.setdefault(number, _text(container, "name"))
    return found


def _owner(metadata: Mapping[str, Any]) -> Owner | None:
    for reference in map(_map, _list(metadata.get("ownerReferences"))):
        if reference.get("controller") is True:
            return Owner(_text(reference, "apiVersion"), _text(reference, "kind"), _text(reference, "name"))
    return None


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
