"""The resources of a snapshot as people ask for them: what is in force of each, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from mizzen.config.errors import HIDDEN, ConfigError
from mizzen.config.resource import Resource
from mizzen.config.spec import JsonSchema, resolve_schema, schema_child, schema_of
from mizzen.config.store import StoreState
from mizzen.mixer.runtime import inventory as kinds
from mizzen.mixer.runtime.configured import RuleConfig
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.snapshot import Snapshot


def state_of(key: str, snapshot: Snapshot, state: StoreState, faulty: Iterable[str]) -> str:
    """`in force`; `kept`: the last good version is; `faulty`: in force in part or not at all."""
    kept = key in snapshot.compiled.kept or key in state.kept or key in snapshot.kept_handlers
    return "kept" if kept else "faulty" if key in faulty else "in force"


def list_resources(
    resources: Iterable[Resource],
    snapshot: Snapshot,
    state: StoreState,
    errors: Iterable[ConfigError],
    inventory: Inventory,
) -> list[Mapping[str, Any]]:
    """One entry for each resource, in kubectl's shape, with the spec that is in force and a `status`; for JSON.

    Values of fields that hold secrets are left out.
    """
    faults: dict[str, list[ConfigError]] = {}
    for error in errors:
        faults.setdefault(error.resource, []).append(error)
    users = _users(snapshot.compiled.rules.values())
    entries = []
    for written in resources:
        key = written.key
        status = state_of(key, snapshot, state, faults)
        resource = _in_force(written, snapshot) if status == "kept" else written
        entries.append(_entry(resource, status, faults.get(key, ()), users.get(key, ()), snapshot, inventory))
    return entries


def _in_force(written: Resource, snapshot: Snapshot) -> Resource:
    """The last good version; of a handler that could not be built, the one that runs."""
    if written.key in snapshot.kept_handlers:
        return snapshot.handlers[written.key].spec.config.resource
    return snapshot.compiled.good.get(written.key, written)


def _entry(
    resource: Resource,
    state: str,
    faults: Iterable[ConfigError],
    users: Iterable[str],
    snapshot: Snapshot,
    inventory: Inventory,
) -> Mapping[str, Any]:
    position = resource.position
    labels = {"labels": dict(resource.labels)} if resource.labels else {}
    notes = {"annotations": dict(resource.annotations)} if resource.annotations else {}
    role = _role(resource.kind, inventory)
    status: dict[str, Any] = {
        "state": state,
        "role": role,
        "file": position.file if position else "",
        "line": position.line if position else 0,
        "errors": [error.to_dict() for error in faults],
    }
    if role in (kinds.HANDLER, kinds.INSTANCE):
        status["usedBy"] = list(users)
    handler = snapshot.handlers.get(resource.key)
    if role == kinds.HANDLER:
        status["running"] = handler is not None
        status["quarantined"] = handler is not None and handler.is_quarantined
    return {
        "apiVersion": resource.api_version or "config.istio.io/v1alpha2",
        "kind": resource.kind,
        "metadata": {"name": resource.name, "namespace": resource.namespace, **labels, **notes},
        "spec": _without_secrets(resource, inventory),
        "status": status,
    }


def _role(kind: str, inventory: Inventory) -> str:
    """`handler` and `instance` also for the older kinds of both."""
    if kind in inventory.adapters:
        return kinds.HANDLER
    return kinds.INSTANCE if kind in inventory.templates else kind


def _users(rules: Iterable[RuleConfig]) -> Mapping[str, list[str]]:
    """Which rules use each handler and instance."""
    users: dict[str, dict[str, None]] = {}
    for rule in rules:
        for action in rule.actions:
            for key in (action.handler.key, *(instance.key for instance in action.instances)):
                users.setdefault(key, {})[rule.key] = None
    return {key: list(found) for key, found in users.items()}


def _without_secrets(resource: Resource, inventory: Inventory) -> Mapping[str, Any]:
    spec = resource.spec
    if resource.kind in inventory.adapters:
        return _hide(spec, inventory.adapters[resource.kind].Params)
    if resource.kind != kinds.HANDLER:
        return spec
    name = next((spec[one] for one in ("compiledAdapter", "compiled_adapter") if one in spec), None)
    adapter = inventory.adapters.get(name) if isinstance(name, str) else None
    if adapter is None:
        return {**spec, "params": HIDDEN} if spec.get("params") else spec
    params = spec.get("params")
    return {**spec, "params": _hide(params, adapter.Params)} if isinstance(params, Mapping) else spec


def _hide(params: Mapping[str, Any], model: type[BaseModel]) -> Mapping[str, Any]:
    schema = schema_of(model)
    node = resolve_schema(schema, schema)
    return {name: _hidden(value, schema_child(node, name, schema), schema) for name, value in params.items()}


def _hidden(value: Any, node: JsonSchema, schema: JsonSchema) -> Any:
    if node.get("format") == "password":
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: _hidden(inner, schema_child(node, str(name), schema), schema) for name, inner in value.items()}
    if isinstance(value, list):
        items = resolve_schema(node.get("items", {}), schema)
        return [_hidden(inner, items, schema) for inner in value]
    return value
