"""Validation before a configuration is put in force: everything but the building of handlers."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.config.errors import ConfigError
from mizzen.config.resource import Resource
from mizzen.mixer.runtime.compile import compile_resources
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.live import problems_of
from mizzen.mixer.runtime.snapshot import check_unused, handler_specs


def validate_resources(resources: Mapping[str, Resource], inventory: Inventory | None = None) -> list[ConfigError]:
    """Every fault of `resources` taken together. Touches nothing outside the process."""
    compiled, errors = compile_resources(resources, inventory or Inventory())
    used = handler_specs(compiled.rules)
    for spec in used.values():
        errors += problems_of(spec)
    for checked in check_unused(compiled, used, {}).values():
        errors += checked.faults
    return errors
