"""From the parameters of a handler to what is asked of the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from mizzen.mixer.adapters.memquota.ledger import Take
from mizzen.mixer.adapters.memquota.params import MemQuotaParams, QuotaParams
from mizzen.mixer.adapters.quotas import cell_of, first_override
from mizzen.mixer.adapters.results import AdapterError, QuotaArguments
from mizzen.mixer.templates import Quota

_LONGEST_TEXT = 1024


class HandlerLimits:
    """The quotas of one handler.

    Names of stores and memories are the same for the same definition in a handler of the same name, in every process.
    """

    def __init__(self, handler: str, params: MemQuotaParams) -> None:
        self._quotas = {quota.name: (_store_of(handler, quota), quota) for quota in params.quotas}
        self._memory = json.dumps([handler, params.min_deduplication_duration])
        self._period = params.min_deduplication_duration / 1e9

    @property
    def stores(self) -> Sequence[str]:
        return [store for store, _ in self._quotas.values()]

    @property
    def memories(self) -> Mapping[str, float]:
        """The memory with its period in seconds."""
        return {self._memory: self._period}

    def take(self, instance: Quota, arguments: QuotaArguments) -> Take | None:
        """What to ask of the ledger; None when nothing is asked for. AdapterError for an instance without a limit."""
        found = self._quotas.get(instance.name)
        if found is None:
            raise AdapterError(f"did not find limit defined for quota {instance.name}")
        if arguments.amount == 0:
            return None
        store, quota = found
        dimensions = instance.dimensions
        limits = first_override(quota.overrides, dimensions) or quota
        return Take(
            store,
            _bounded(cell_of(quota.name, dimensions)),
            limits.max_amount,
            limits.valid_duration / 1e9,
            arguments.amount,
            arguments.best_effort,
            self._memory,
            quota.name,
            _bounded(arguments.deduplication_id),
        )


def _bounded(text: str) -> str:
    """`text`, or what stands for it where it is long: requests may bring megabytes, and cells live on."""
    return text if len(text) <= _LONGEST_TEXT else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _store_of(handler: str, quota: QuotaParams) -> str:
    definition = json.dumps([handler, quota.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(definition.encode()).hexdigest()
