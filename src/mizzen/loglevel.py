"""The level of the process's log, which may change while it runs."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog

LEVELS = ("debug", "info", "warning", "error")
_SEVERITIES = {name: number for number, name in enumerate((*LEVELS, "critical"))} | {"exception": 3}


class LogLevel:
    """The least severe events that are shown; one for the process."""

    def __init__(self) -> None:
        self._name = "info"
        self._severity = _SEVERITIES["info"]

    @property
    def name(self) -> str:
        return self._name

    def change(self, name: str) -> None:
        """Shows events of this level and above from now on. ValueError for a name that is no level."""
        if name not in LEVELS:
            raise ValueError(f"level '{name}' is not known; accepted: {', '.join(LEVELS)}")
        self._name, self._severity = name, _SEVERITIES[name]

    def filter(self, _: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """structlog's processor."""
        if _SEVERITIES.get(method, len(LEVELS)) < self._severity:
            raise structlog.DropEvent
        return event


LOG_LEVEL = LogLevel()
"""That of this process."""
