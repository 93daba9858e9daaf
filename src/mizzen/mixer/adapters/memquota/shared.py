"""memquota where several processes serve: quotas counted in the memory of one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.memquota.adapter import MemQuotaAdapter
from mizzen.mixer.adapters.memquota.limits import HandlerLimits
from mizzen.mixer.adapters.memquota.params import MemQuotaParams
from mizzen.mixer.adapters.memquota.remote import RemoteLedger
from mizzen.mixer.adapters.results import QuotaArguments, QuotaResult
from mizzen.mixer.templates import Instance, InstanceTypes, Problem, Quota

_HOLD_SECONDS = 10.0


class SharedMemQuotaAdapter(Adapter):
    """Counts as `MemQuotaAdapter`, together with the handlers of the same name in the other processes.

    Counts are lost when the process that has the ledger ends, not when this one does. A call whose answer got lost has
    taken its units; sent again with the same deduplication id, it gets the same answer.
    """

    name = "memquota"
    templates = frozenset(["quota"])
    Params = MemQuotaParams
    ledger: ClassVar[RemoteLedger]

    def __init__(self, params: MemQuotaParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._limits = HandlerLimits(environment.handler, params)
        held = self.ledger.hold(self._limits.stores, self._limits.memories)
        self._hold = held.result(_HOLD_SECONDS)

    @classmethod
    def validate(cls, params: MemQuotaParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return MemQuotaAdapter.validate(params, instances)

    def quota(self, instance: Instance, arguments: QuotaArguments) -> Any:
        """The answer, or its future: no thread waits for the other process."""
        take = self._limits.take(cast(Quota, instance), arguments)
        return QuotaResult() if take is None else self.ledger.take(take)

    def close(self) -> None:
        self.ledger.release(self._hold)


def sharing(ledger: RemoteLedger) -> type[SharedMemQuotaAdapter]:
    """The adapter whose handlers count in `ledger`."""
    return type("SharedMemQuotaAdapter", (SharedMemQuotaAdapter,), {"ledger": ledger})
