"""memquota: quotas counted in the memory of this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.memquota.ledger import Ledger
from mizzen.mixer.adapters.memquota.limits import HandlerLimits
from mizzen.mixer.adapters.memquota.params import MemQuotaParams
from mizzen.mixer.adapters.quotas import problems_of_quotas
from mizzen.mixer.adapters.results import QuotaArguments, QuotaResult
from mizzen.mixer.templates import Instance, InstanceTypes, Problem, Quota

SWEEP_SECONDS = 10.0
_NOTHING = QuotaResult()


class MemQuotaAdapter(Adapter):
    """Counts units in use, or units in a rolling window.

    A handler that replaces another keeps the counts of every quota whose definition stayed the same. Counts are lost
    with the process and are not shared between processes; `SharedMemQuotaAdapter` takes its place where they must be.
    """

    name = "memquota"
    templates = frozenset(["quota"])
    Params = MemQuotaParams

    def __init__(self, params: MemQuotaParams, environment: Environment) -> None:
        super().__init__(params, environment)
        old = environment.predecessor if isinstance(environment.predecessor, MemQuotaAdapter) else None
        self._limits = HandlerLimits(environment.handler, params)
        self._ledger: Ledger = old._ledger if old else Ledger()
        self._hold = self._ledger.hold(self._limits.stores, self._limits.memories, environment.monotonic())
        self._task = environment.scheduler.every(SWEEP_SECONDS, self._sweep, name=f"{environment.handler} sweep")

    @classmethod
    def validate(cls, params: MemQuotaParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return list(problems_of_quotas(params.quotas, instances))

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        take = self._limits.take(cast(Quota, instance), arguments)
        if take is None:
            return _NOTHING
        granted = self._ledger.take(take, self.environment.monotonic())
        return QuotaResult(amount=granted.amount, valid_for=granted.valid_for)

    def close(self) -> None:
        self._task.cancel()
        self._ledger.release(self._hold)

    def _sweep(self) -> None:
        self._ledger.sweep(self.environment.monotonic())
