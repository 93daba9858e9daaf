"""Follows the store: each state becomes a snapshot, which is put in force while calls go on."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import structlog

from mizzen.config.errors import ConfigError
from mizzen.config.resource import Resource
from mizzen.config.store import StoreState
from mizzen.config.stores import Store
from mizzen.mixer.runtime.compile import located
from mizzen.mixer.runtime.dispatch import Dispatcher
from mizzen.mixer.runtime.interpreter import Settlement, uncollected
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.listing import list_resources, state_of
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.snapshot import Snapshot, close_replaced

NameGeneration = Callable[[Mapping[str, Resource], Iterable[str]], str]
"""Names the generation of these resources, of which those named second are in force in an older version."""


class Controller:
    """Builds snapshots and exchanges them. `load` and `follow` are for one thread at a time; the rest is for any."""

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        metrics: RuntimeMetrics,
        inventory: Inventory | None = None,
        logger: Any = None,
        name_generation: NameGeneration | None = None,
        settlement: Settlement | None = None,
    ) -> None:
        """With a `settlement` loading minds the collector of the whole process: see `interpreter`."""
        self._store = store
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._inventory = inventory or Inventory()
        self._logger = logger or structlog.get_logger()
        self._process = secrets.token_hex(4)
        self._errors: tuple[ConfigError, ...] = ()
        self._state = StoreState()
        self._resources: Mapping[str, Resource] = {}
        self._extension_errors: tuple[ConfigError, ...] = ()
        self._applying = threading.Lock()
        self._name_generation = name_generation
        self._settlement = settlement
        self._generation = f"{self._process}-{dispatcher.snapshot.number}"

    @property
    def generation(self) -> str:
        """Opaque text that changes with every snapshot and every process; clients drop older decisions by it."""
        return self._generation

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        """Every fault of the configuration as it is written now."""
        return self._errors

    def load(self) -> None:
        """Reads the store and puts its configuration in force. Raises OSError when the store cannot be read."""
        with self._uncollected():
            state = self._store.load()
        self.apply(state)

    async def follow(self) -> None:
        """Applies every later state of the store; runs until it is cancelled.

        One that cannot be applied, for a fault of the Mixer itself, is counted and leaves the last one in force.
        """
        async for state in self._store.watch():
            try:
                await asyncio.to_thread(self.apply, state)
            except Exception:
                self._metrics.reload_failures.inc()
                self._logger.exception("configuration cannot be applied; the last one stays in force")

    def apply(self, state: StoreState) -> None:
        """Puts `state` in force. A state whose resources are those in force only brings its errors up to date."""
        with self._applying:
            self._apply(state)

    def change_inventory(self, inventory: Inventory, errors: Sequence[ConfigError] = ()) -> None:
        """Puts other adapters and templates in force; `errors` are the faults of those that could not be loaded.

        Handlers whose adapter is another class now are built anew; before `load` nothing is built.
        """
        with self._applying:
            changed, self._inventory = inventory != self._inventory, inventory
            self._extension_errors = tuple(errors)
            if self._dispatcher.snapshot.number >= 0:
                self._apply(self._state, rebuild=changed)

    def _apply(self, state: StoreState, *, rebuild: bool = False) -> None:
        before = self._dispatcher.snapshot
        resources = self._relevant(state.resources)
        errors: Iterable[ConfigError]
        if rebuild or before.number < 0 or resources != self._resources:
            after = self._build(resources, before)
            self._dispatcher.exchange(after)
            self._generation = self._name_of(after, resources, state)
            threading.Thread(target=self._close, args=(before, after), name="close-handlers", daemon=True).start()
            errors = after.errors
        else:
            after = before
            errors = located(before.errors, resources)
        self._state, self._resources = state, resources
        self._tell((*self._extension_errors, *state.errors, *errors), after)

    def _build(self, resources: Mapping[str, Resource], before: Snapshot) -> Snapshot:
        with self._uncollected():
            after = Snapshot.build(
                resources,
                before,
                metrics=self._metrics,
                inventory=self._inventory,
                default_namespace=self._store.default_namespace,
            )
            if self._settlement is not None:
                self._settlement.loaded(after.compiled.fresh)
        return after

    def _uncollected(self) -> AbstractContextManager[None]:
        return uncollected() if self._settlement is not None else nullcontext()

    def close(self) -> None:
        """Closes every handler; no call may follow."""
        close_replaced(self._dispatcher.snapshot, Snapshot(), timeout_seconds=1.0)

    def describe(self) -> Mapping[str, Any]:
        """The configuration in force and its faults, for people and tools; ready for JSON."""
        snapshot, errors, state = self._dispatcher.snapshot, self._errors, self._state
        faulty = {error.resource for error in errors}
        return {
            "generation": self.generation,
            "snapshot": snapshot.number,
            "attributes": len(snapshot.compiled.vocabulary),
            "resources": [
                _resource_entry(resource, state_of(resource.key, snapshot, state, faulty))
                for resource in self._relevant(state.resources).values()
            ],
            "handlers": [
                {
                    "name": handler.name,
                    "adapter": handler.adapter.name,
                    "instances": list(handler.spec.instances),
                    "kept": key in snapshot.kept_handlers,
                    "quarantined": handler.is_quarantined,
                }
                for key, handler in snapshot.handlers.items()
            ],
            "errors": [error.to_dict() for error in errors],
        }

    def resources(self) -> Mapping[str, Any]:
        """Every resource with the spec that is in force, its status and its faults; ready for JSON."""
        snapshot, errors, state = self._dispatcher.snapshot, self._errors, self._state
        relevant = self._relevant(state.resources).values()
        return {
            "generation": self.generation,
            "items": list_resources(relevant, snapshot, state, errors, self._inventory),
            "errors": [error.to_dict() for error in errors if error.resource not in state.resources],
        }

    def _name_of(self, snapshot: Snapshot, resources: Mapping[str, Resource], state: StoreState) -> str:
        if self._name_generation is None:
            return f"{self._process}-{snapshot.number}"
        return self._name_generation(resources, (*state.kept, *snapshot.compiled.kept, *snapshot.kept_handlers))

    def _relevant(self, resources: Mapping[str, Resource]) -> dict[str, Resource]:
        return {key: found for key, found in resources.items() if not self._inventory.is_for_others(found)}

    def _tell(self, errors: tuple[ConfigError, ...], snapshot: Snapshot) -> None:
        told = frozenset(self._errors)
        for error in errors:
            if error not in told:
                self._logger.error("configuration error", **_log_entry(error))
        self._errors = errors
        self._metrics.config_errors.set(len(errors))
        self._metrics.resources_kept.set(len(snapshot.compiled.kept) + len(self._state.kept))
        self._metrics.reloads.labels("true" if errors else "false").inc()
        self._logger.info(
            "configuration in force",
            generation=self.generation,
            rules=len(snapshot.compiled.rules),
            handlers=len(snapshot.handlers),
            errors=len(errors),
        )

    def _close(self, before: Snapshot, after: Snapshot) -> None:
        if not close_replaced(before, after):
            self._logger.warning("handlers were closed while calls still used them", snapshot=before.number)


def _resource_entry(resource: Resource, status: str) -> Mapping[str, str | int]:
    position = resource.position
    return {
        "key": resource.key,
        "kind": resource.kind,
        "name": resource.name,
        "namespace": resource.namespace,
        "status": status,
        "file": position.file if position else "",
        "line": position.line if position else 0,
    }


def _log_entry(error: ConfigError) -> Mapping[str, str]:
    entry = {
        "at": str(error.position or ""),
        "resource": error.resource,
        "field": error.field,
        "reason": error.reason,
        "value": str(error.to_dict().get("value", "")),
        "accepted": error.accepted,
    }
    return {name: value for name, value in entry.items() if value}
