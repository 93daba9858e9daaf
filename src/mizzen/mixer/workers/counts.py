"""Quotas in memory are counted for all workers by their parent."""

from __future__ import annotations

import socket
from dataclasses import replace

from mizzen.mixer.adapters import Adapter
from mizzen.mixer.adapters.memquota import MemQuotaAdapter
from mizzen.mixer.adapters.memquota.remote import RemoteLedger
from mizzen.mixer.adapters.memquota.shared import sharing
from mizzen.mixer.runtime.inventory import Inventory


class SharedCounts:
    """What a worker uses instead of counts of its own; `descriptor` is the connection that its parent made."""

    def __init__(self, descriptor: int) -> None:
        self._adapter = sharing(RemoteLedger(socket.socket(fileno=descriptor)))

    def instead(self, inventory: Inventory) -> Inventory:
        """The inventory for the worker; equal inventories give equal ones."""
        adapters: dict[str, type[Adapter]] = {
            name: self._adapter if adapter is MemQuotaAdapter else adapter
            for name, adapter in inventory.adapters.items()
        }
        return replace(inventory, adapters=adapters)
