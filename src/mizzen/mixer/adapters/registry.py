"""The built-in adapters by name. The names are also the legacy handler kinds."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.noop import NoopAdapter

_BUILT_IN: tuple[type[Adapter], ...] = (NoopAdapter,)

ADAPTERS: Mapping[str, type[Adapter]] = {adapter.name: adapter for adapter in _BUILT_IN}
"""Adapter class by the name that `compiledAdapter` uses."""
