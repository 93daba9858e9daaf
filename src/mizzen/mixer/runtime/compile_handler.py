"""One handler: its adapter and the parameters of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mizzen.config.kinds import Handler
from mizzen.config.paths import Path
from mizzen.config.resource import Resource
from mizzen.config.spec import decode_spec
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.runtime import inventory as kinds
from mizzen.mixer.runtime.configured import HandlerConfig
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.names import handler_name
from mizzen.mixer.runtime.outcome import Attempt


def adapter_of(resource: Resource) -> object:
    """The name of the adapter that the resource asks for, as it is written."""
    if resource.kind != kinds.HANDLER:
        return resource.kind
    spec = resource.spec
    return spec.get("compiledAdapter", spec.get("compiled_adapter"))


def compile_handler(resource: Resource, inventory: Inventory) -> Attempt[HandlerConfig]:
    """The handler, or every fault of it; of the adapters it depends on the one that is named."""
    if resource.kind != kinds.HANDLER:
        return _decode_params(resource, inventory.adapters[resource.kind], resource.spec, ("spec",))
    spec, faults = decode_spec(Handler, resource.spec, resource)
    if spec is None:
        return None, faults
    adapter = inventory.adapters.get(spec.compiled_adapter)
    if adapter is None:
        path, known = ("spec", "compiledAdapter"), ", ".join(sorted(inventory.adapters))
        fault = resource.error(path, "is not a known adapter", value=spec.compiled_adapter, accepted=known)
        return None, [fault]
    config, found = _decode_params(resource, adapter, spec.params, ("spec", "params"))
    return config and replace(config, calls=spec.calls, quarantine=spec.quarantine), found


def _decode_params(
    resource: Resource, adapter: type[Adapter], params: Mapping[str, object], path: Path
) -> Attempt[HandlerConfig]:
    decoded, faults = decode_spec(adapter.Params, params, resource, path)
    if decoded is None:
        return None, faults
    name = handler_name(resource.name, resource.kind, resource.namespace)
    return HandlerConfig(resource, name, adapter, decoded, path), []
