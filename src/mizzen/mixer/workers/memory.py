"""Adapters that count in the memory of one process give each worker a count of its own: they are refused.

The refusal is an ordinary fault of the handler. At the start it ends the Mixer, because a quota that is not enforced
must not go unnoticed; after a reload the last good configuration stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mizzen.config.errors import NO_VALUE, ConfigError
from mizzen.mixer.adapters.memquota import MemQuotaAdapter
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.templates import InstanceTypes, Problem

REASON = "counts in the memory of one process, so that each of several workers would grant the quota in full"
ACCEPTED = "an adapter with shared counts, such as redisquota, or --workers 1"


class RefusedMemQuota(MemQuotaAdapter):
    """memquota, where there are several workers."""

    @classmethod
    def validate(cls, params: Any, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return (Problem((), NO_VALUE, REASON, ACCEPTED), *super().validate(params, instances))


def without_local_counts(inventory: Inventory) -> Inventory:
    """The inventory for a worker; equal inventories give equal ones."""
    adapters = {
        name: RefusedMemQuota if adapter is MemQuotaAdapter else adapter for name, adapter in inventory.adapters.items()
    }
    return replace(inventory, adapters=adapters)


def refusals(errors: Sequence[ConfigError]) -> list[ConfigError]:
    """Those of the faults that are such refusals."""
    return [error for error in errors if error.reason == REASON]
