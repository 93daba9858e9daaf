"""memquota: quotas counted in the memory of this process."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import cast

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.memquota.cells import Cell, make_cell
from mizzen.mixer.adapters.memquota.deduplication import Answer, Deduplication
from mizzen.mixer.adapters.memquota.params import MemQuotaParams, QuotaParams
from mizzen.mixer.adapters.quotas import cell_of, first_override, problems_of_quotas
from mizzen.mixer.adapters.results import AdapterError, QuotaArguments, QuotaResult
from mizzen.mixer.templates import Instance, InstanceTypes, Problem, Quota, Values

_SWEEP_S = 10.0
_NOTHING = QuotaResult()


class Store:
    """The cells of one quota and the lock that guards them."""

    def __init__(self, params: QuotaParams) -> None:
        self.params = params
        self.lock = threading.Lock()
        self.cells: dict[str, Cell] = {}

    def limit(self, dimensions: Values) -> tuple[int, float]:
        """Units and seconds that apply to these dimensions."""
        override = first_override(self.params.overrides, dimensions)
        chosen = override or self.params
        return chosen.max_amount, chosen.valid_duration / 1e9

    def sweep(self, now: float) -> None:
        """Removes the cells that hold nothing."""
        with self.lock:
            for key in [key for key, cell in self.cells.items() if cell.is_empty(now)]:
                del self.cells[key]


class MemQuotaAdapter(Adapter):
    """Counts units in use, or units in a rolling window.

    A handler that replaces another keeps the counts of every quota whose definition stayed the same. Counts are lost
    with the process and are not shared between processes.
    """

    name = "memquota"
    templates = frozenset(["quota"])
    Params = MemQuotaParams

    def __init__(self, params: MemQuotaParams, environment: Environment) -> None:
        super().__init__(params, environment)
        old = environment.predecessor if isinstance(environment.predecessor, MemQuotaAdapter) else None
        self._stores = {quota.name: _store_for(quota, old) for quota in params.quotas}
        period = params.min_deduplication_duration / 1e9
        self._lock = threading.Lock()
        self._seen = Deduplication(period, environment.monotonic())
        if old and old._seen.period == period:
            self._lock, self._seen = old._lock, old._seen
        self._task = environment.scheduler.every(_SWEEP_S, self._sweep, name=f"{environment.handler} sweep")

    @classmethod
    def validate(cls, params: MemQuotaParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return list(problems_of_quotas(params.quotas, instances))

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        store = self._stores.get(instance.name)
        if store is None:
            raise AdapterError(f"did not find limit defined for quota {instance.name}")
        if arguments.amount == 0:
            return _NOTHING
        dimensions = cast(Quota, instance).dimensions
        if not arguments.deduplication_id:
            return self._count(store, dimensions, arguments)
        key = (instance.name, arguments.deduplication_id)
        with self._lock:  # held while counting, so that two copies of one request are not both counted
            now = self.environment.monotonic()
            seen = self._seen.find(key, now)
            if seen:
                return QuotaResult(amount=seen.amount, valid_for=max(seen.expires - now, 0.0))
            result = self._count(store, dimensions, arguments)
            expires = now + result.valid_for if result.valid_for else 0.0
            self._seen.remember(key, Answer(result.amount, expires), now)
            return result

    def close(self) -> None:
        self._task.cancel()

    def _count(self, store: Store, dimensions: Values, arguments: QuotaArguments) -> QuotaResult:
        limit, seconds = store.limit(dimensions)
        key = cell_of(store.params.name, dimensions)
        now = self.environment.monotonic()
        with store.lock:
            cell = store.cells.get(key)
            if cell is None:
                cell = make_cell(limit, seconds)
            if arguments.amount > 0:
                amount = cell.take(arguments.amount, arguments.best_effort, now)
                store.cells[key] = cell
            else:
                amount = cell.give_back(-arguments.amount, now)
        refused = amount == 0 and not arguments.best_effort
        return QuotaResult(amount=amount, valid_for=0.0 if refused else seconds)

    def _sweep(self) -> None:
        now = self.environment.monotonic()
        for store in self._stores.values():
            store.sweep(now)


def _store_for(params: QuotaParams, old: MemQuotaAdapter | None) -> Store:
    store = old._stores.get(params.name) if old else None
    return store if store and store.params == params else Store(params)
