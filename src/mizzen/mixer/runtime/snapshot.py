"""The snapshot: everything resolved, of one moment, and immutable.

Building never fails as a whole. What is faulty is left out or keeps its last good version, every fault becomes a
`ConfigError` with its place, and the rest is in force.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from mizzen.config.errors import ConfigError
from mizzen.config.resource import DEFAULT_NAMESPACE, Resource
from mizzen.mixer.expr import BUILTIN
from mizzen.mixer.runtime.compile import compile_resources, located
from mizzen.mixer.runtime.configured import Compiled, HandlerConfig, RuleConfig
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.live import HandlerSpec, HandlerTable, LiveHandler, build_handlers, problems_of
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.routing import RouteTable
from mizzen.mixer.templates import InstanceTypes


class InUse:
    """Counts the calls that use a snapshot, so that its handlers are closed only after the last one."""

    def __init__(self) -> None:
        self._calls = 0
        self._awaited = False
        self._idle = threading.Condition()

    def enter(self) -> None:
        with self._idle:
            self._calls += 1

    def leave(self) -> None:
        with self._idle:
            self._calls -= 1
            if self._awaited and not self._calls:
                self._idle.notify_all()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Whether no call is left; waits for at most the time given."""
        with self._idle:
            self._awaited = True
            return self._idle.wait_for(lambda: not self._calls, timeout_seconds)


@dataclass(frozen=True)
class CheckedHandler:
    """A handler that is not built, and what is wrong with its parameters."""

    config: HandlerConfig
    faults: tuple[ConfigError, ...]


@dataclass(frozen=True)
class Snapshot:
    """One resolved configuration. `number` counts from 0; the empty one before the first load is -1."""

    number: int = -1
    compiled: Compiled = field(default_factory=lambda: Compiled(BUILTIN))
    handlers: Mapping[str, LiveHandler] = field(default_factory=dict)
    kept_handlers: frozenset[str] = frozenset()
    routes: RouteTable = field(default_factory=RouteTable)
    errors: tuple[ConfigError, ...] = ()
    unused: Mapping[str, CheckedHandler] = field(default_factory=dict)
    users: InUse = field(default_factory=InUse, compare=False, repr=False)

    @staticmethod
    def build(
        resources: Mapping[str, Resource],
        previous: Snapshot | None = None,
        *,
        metrics: RuntimeMetrics,
        inventory: Inventory | None = None,
        default_namespace: str = DEFAULT_NAMESPACE,
    ) -> Snapshot:
        """The snapshot of `resources` after `previous`, whose handlers and last good versions it may take over.

        Handlers that `previous` has and the new one has not are still open: see `close_replaced`.
        """
        before = previous or Snapshot()
        compiled, errors = compile_resources(resources, inventory or Inventory(), before.compiled)
        used = handler_specs(compiled.rules)
        table = build_handlers(used, before.handlers, metrics)
        unused = check_unused(compiled, used, before.unused)
        faults = (fault for checked in unused.values() for fault in checked.faults)
        snapshot = Snapshot(
            number=before.number + 1,
            compiled=compiled,
            handlers=table.handlers,
            kept_handlers=frozenset(table.kept),
            routes=RouteTable(compiled.rules, table.handlers, default_namespace, before.routes),
            errors=(*errors, *located((*table.errors, *faults), resources)),
            unused=unused,
        )
        _count(snapshot, table, metrics)
        return snapshot


def handler_specs(rules: Mapping[str, RuleConfig]) -> dict[str, HandlerSpec]:
    """The handlers that rules use, each with the types of the instances it gets. Unused handlers are not built."""
    instances: dict[str, dict[str, InstanceTypes]] = {}
    configs = {}
    for rule in rules.values():
        for action in rule.actions:
            key = action.handler.key
            if key not in configs:
                configs[key], instances[key] = action.handler, {}
            types = instances[key]
            for instance in action.instances:
                if instance.key not in types:
                    types[instance.key] = instance.builder.types
    return {key: HandlerSpec(config, dict(sorted(instances[key].items()))) for key, config in configs.items()}


def check_unused(
    compiled: Compiled, used: Mapping[str, HandlerSpec], before: Mapping[str, CheckedHandler]
) -> dict[str, CheckedHandler]:
    """The handlers that no rule uses: their parameters are checked all the same, so that a mistake shows early.

    Those of `before` whose configuration is the same are not checked again.
    """
    checked: dict[str, CheckedHandler] = {}
    for key, config in compiled.handlers.items():
        if key in used:
            continue
        known = before.get(key)
        if known is None or known.config is not config:
            known = CheckedHandler(config, tuple(problems_of(HandlerSpec(config, {}))))
        checked[key] = known
    return checked


def close_replaced(before: Snapshot, after: Snapshot, timeout_seconds: float = 10.0) -> bool:
    """Closes the handlers that `after` did not take over, once no call uses `before`; False when calls still did.

    Blocks for at most the time given. Handlers are closed in any case: a call that outlives the time may fail.
    """
    idle = before.users.wait_until_idle(timeout_seconds)
    current = {id(handler) for handler in after.handlers.values()}
    replaced = [handler for handler in before.handlers.values() if id(handler) not in current]
    closing = [threading.Thread(target=handler.close, name="close handler", daemon=True) for handler in replaced]
    for thread in closing:  # at the same time: one that hangs delays no other
        thread.start()
    for thread in closing:
        thread.join()
    return idle


def _count(snapshot: Snapshot, table: HandlerTable, metrics: RuntimeMetrics) -> None:
    compiled = snapshot.compiled
    metrics.attributes.set(len(compiled.vocabulary))
    metrics.handler_configs.set(len(compiled.handlers))
    metrics.instance_configs.set(len(compiled.instances))
    metrics.rule_configs.set(len(compiled.rules))
    metrics.resources_kept.set(len(compiled.kept))
    metrics.resources_left_out.set(len(compiled.left_out))
    metrics.snapshot_id.set(snapshot.number)
    metrics.handlers_new.set(table.built)
    metrics.handlers_reused.set(table.reused)
    metrics.handlers_kept.set(len(table.kept))
    metrics.handler_build_failures.inc(len({error.resource for error in table.errors}))
    for variety, count in snapshot.routes.destinations().items():
        metrics.destinations.labels(variety).set(count)
