"""The pods and controllers of one cluster as last seen, and how a pod is found among them."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from mizzen.kubernetes.objects import key_of
from mizzen.mixer.adapters.kubernetesenv.objects import Controller, Owner, Pod, controller_of, pod_of

Kept = TypeVar("Kept")
_UID_PREFIX = "kubernetes://"


class Table(Generic[Kept]):
    """Objects of one resource by key. Written by one thread, read by others."""

    def __init__(self, read: Callable[[Any], Kept]) -> None:
        self._read = read
        self._kept: dict[str, Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Kept | None:
        return self._kept.get(key)

    def replace(self, items: Iterable[Any]) -> None:
        """Takes a whole list: what is not in it is gone."""
        self._kept = {key_of(item): self._read(item) for item in items}

    def put(self, item: Any) -> None:
        self._kept[key_of(item)] = self._read(item)

    def remove(self, item: Any) -> None:
        self._kept.pop(key_of(item), None)


class PodTable(Table[Pod]):
    """Pods, also by address."""

    def __init__(self) -> None:
        super().__init__(pod_of)
        self._lock = threading.Lock()
        self._by_address: dict[str, Pod] = {}

    def at(self, address: str) -> Pod | None:
        return self._by_address.get(address)

    def replace(self, items: Iterable[Any]) -> None:
        super().replace(items)
        by_address = {address: pod for pod in self._kept.values() for address in pod.addresses}
        with self._lock:
            self._by_address = by_address

    def put(self, item: Any) -> None:
        before = self.get(key_of(item))
        super().put(item)
        pod = self._kept[key_of(item)]
        with self._lock:
            if before:
                self._forget(before)
            self._by_address.update(dict.fromkeys(pod.addresses, pod))

    def remove(self, item: Any) -> None:
        before = self.get(key_of(item))
        super().remove(item)
        if before:
            with self._lock:
                self._forget(before)

    def _forget(self, pod: Pod) -> None:
        """An address may belong to a newer pod by now."""
        for address in pod.addresses:
            if self._by_address.get(address) is pod:
                del self._by_address[address]


class ClusterCache:
    """What is known of one cluster."""

    def __init__(self) -> None:
        self.pods = PodTable()
        self.replica_sets: Table[Controller] = Table(controller_of)
        self.replication_controllers: Table[Controller] = Table(controller_of)

    def find(self, uid: str) -> Pod | None:
        """The pod of `[kubernetes://]<pod>.<namespace>`, or of an IP address in text."""
        uid = uid.removeprefix(_UID_PREFIX)
        try:
            return self.pods.at(str(ipaddress.ip_address(uid)))
        except ValueError:
            return self.pods.get(uid)

    def root_of(self, pod: Pod) -> Owner | None:
        """The topmost controller: the Deployment above a ReplicaSet, the DeploymentConfig above a
        ReplicationController; None for a pod that nothing controls."""
        owner = pod.owner
        if owner is None:
            return None
        tables = {"ReplicaSet": self.replica_sets, "ReplicationController": self.replication_controllers}
        table = tables.get(owner.kind)
        controller = table.get(f"{owner.name}.{pod.namespace}") if table else None
        return (controller.owner if controller else None) or owner
