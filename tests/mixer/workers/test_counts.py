from __future__ import annotations

import socket

from mizzen.mixer.adapters import ADAPTERS
from mizzen.mixer.adapters.memquota.shared import SharedMemQuotaAdapter
from mizzen.mixer.runtime import Inventory
from mizzen.mixer.workers.counts import SharedCounts


def test_memquota_counts_with_the_parent_and_nothing_else_changes() -> None:
    parent, worker = socket.socketpair()
    with parent:
        counts = SharedCounts(worker.detach())
        inventory = counts.instead(Inventory())
        changed = {name for name, adapter in inventory.adapters.items() if adapter is not ADAPTERS[name]}
        assert changed == {"memquota"}
        assert issubclass(inventory.adapters["memquota"], SharedMemQuotaAdapter)
        assert inventory == counts.instead(Inventory())
