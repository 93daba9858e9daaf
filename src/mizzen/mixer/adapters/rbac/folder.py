"""Roles and bindings from a folder of YAML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mizzen.config import ConfigError, FileStore
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.rbac.state import PolicyState
from mizzen.mixer.adapters.results import AdapterError

_LOOK_S = 1.0


class FolderSource:
    """Follows one folder, within a second. See `PolicySource`."""

    known = True

    def __init__(self, path: Path, environment: Environment, tell: Callable[[ConfigError], None]) -> None:
        """Raises `AdapterError` when the folder cannot be read."""
        self._store = FileStore(path, default_namespace="default")
        self.state = PolicyState(tell)
        try:
            self._load()
        except OSError as error:
            raise AdapterError(f"cannot read {path}: {error.strerror or error}") from error
        self._task = environment.scheduler.every(_LOOK_S, self._load, name=f"{environment.handler} roles")

    def close(self) -> None:
        self._task.cancel()

    def _load(self) -> None:
        """A folder that went away leaves the last roles in force; the exception is logged by the scheduler."""
        before = self._store.state
        state = self._store.load()
        if state != before:
            self.state.take(state.resources, state.errors)
