"""All adapters and templates a Mixer has: built in, installed and from folders, as an inventory that changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import structlog
from watchfiles import Change

from mizzen.config.errors import ConfigError
from mizzen.config.following import BACKOFF_SECONDS, Pace, times_to_look
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.extensions.entry_points import load_entry_points
from mizzen.mixer.extensions.faults import faults_of
from mizzen.mixer.extensions.folder import Load, Module, advance, errors_of, scan
from mizzen.mixer.extensions.modules import load_module
from mizzen.mixer.extensions.objects import Defined
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.templates import Template

_PACE = Pace(quiet_ms=50, longest_wait_ms=200)
_SETTLE_SECONDS = 0.1


class Catalog:
    """Not for use from several threads at once.

    Names are given in a fixed order: built in, entry points by their order, modules by their path, those with templates
    first; an object whose name is taken is a fault. A module with any fault is in force as its last good version, or
    not at all.
    """

    def __init__(
        self,
        directories: Iterable[Path] = (),
        points: Sequence[EntryPoint] = (),
        base: Inventory | None = None,
        load: Load = load_module,
    ) -> None:
        """Loads nothing yet: `inventory` is `base` until `refresh`."""
        self._directories = tuple(path.absolute() for path in directories)
        self._points = points
        self._base = base or Inventory()
        self._load = load
        self._installed: tuple[list[Defined], list[ConfigError]] | None = None
        self._modules: dict[Path, Module] = {}
        self.inventory = self._base
        self.errors: tuple[ConfigError, ...] = ()
        self._load_failures = 0

    @property
    def kept(self) -> tuple[str, ...]:
        """The modules whose newest version is faulty and whose last good one is in force."""
        return tuple(str(path) for path, module in self._modules.items() if module.is_kept)

    @property
    def added(self) -> int:
        """How many adapters there are beside the built-in ones."""
        return len(self.inventory.adapters) - len(self._base.adapters)

    def take_load_failures(self) -> int:
        """How many modules and entry points were found faulty since the last time this was asked."""
        count, self._load_failures = self._load_failures, 0
        return count

    def refresh(self) -> bool:
        """Looks at the folders; whether the inventory or its errors changed. OSError when a folder cannot be read."""
        modules = advance(self._modules, scan(self._directories), self._load)
        if self._installed is None:
            self._installed = load_entry_points(self._points)
            self._load_failures += len(self._installed[1])
        elif modules == self._modules:
            return False
        changed = [path for path, module in modules.items() if self._modules.get(path) != module]
        self._merge(modules)
        self._load_failures += sum(bool(self._modules[path].errors) for path in changed)
        return True

    async def watch(self) -> AsyncIterator[None]:
        """Yields after each change that `refresh` took over; waits for good when there are no folders."""
        if not self._directories:
            await asyncio.Event().wait()
        while True:
            with contextlib.suppress(OSError):  # a folder is gone for now: everything stays as it was
                async for _ in self._watch_once():
                    yield
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _watch_once(self) -> AsyncIterator[None]:
        async with contextlib.aclosing(times_to_look(self._directories, _is_relevant, _PACE)) as times:
            async for _ in times:
                if await asyncio.to_thread(self._is_halfway):
                    await asyncio.sleep(_SETTLE_SECONDS)
                if await asyncio.to_thread(self._refreshed):
                    yield

    def _refreshed(self) -> bool:
        """As `refresh`; whatever else goes wrong with somebody's module must not end the Mixer."""
        try:
            return self.refresh()
        except OSError:
            raise
        except Exception:
            structlog.get_logger().exception("adapters cannot be taken over; those in force stay")
            return False

    def _is_halfway(self) -> bool:
        """Whether a module is gone or empty: an editor may be just about to write it."""
        return any(not path.exists() or (path.is_file() and not path.stat().st_size) for path in self._modules)

    def _merge(self, modules: dict[Path, Module]) -> None:
        """Decides for each module which version is in force, and puts the inventory together."""
        installed, errors = self._installed or ([], [])
        inventory, faults = _extended(self._base, installed)
        for path, module in sorted(modules.items(), key=lambda item: not _has_template(item[1])):
            candidate, found = (inventory, []) if module.error else _extended(inventory, module.objects)
            if module.error or found:
                candidate, _ = _extended(inventory, module.good)
                modules[path] = replace(module, faults=tuple(found))
            else:
                modules[path] = replace(module, good=module.objects, faults=())
            inventory = candidate
        self._modules = modules
        self.inventory = inventory
        self.errors = (*errors, *faults, *errors_of(list(modules.values())))


def _has_template(module: Module) -> bool:
    return any(isinstance(defined.extension, Template) for defined in (*module.objects, *module.good))


def _extended(inventory: Inventory, objects: Sequence[Defined]) -> tuple[Inventory, list[ConfigError]]:
    """The inventory with those of the objects that have no fault, and the faults. Templates come first, so that an
    adapter may use those of its own module."""
    adapters: dict[str, type[Adapter]] = dict(inventory.adapters)
    templates: dict[str, Template] = dict(inventory.templates)
    faults: list[ConfigError] = []
    for defined in sorted(objects, key=lambda one: not isinstance(one.extension, Template)):
        found = faults_of(defined, templates, {*adapters, *templates})
        faults += found
        if found:
            continue
        if isinstance(defined.extension, Template):
            templates[defined.name] = defined.extension
        else:
            adapters[defined.name] = defined.extension
    return Inventory(adapters, templates), faults


def _is_relevant(_: Change, path: str) -> bool:
    """Sources, and names without suffix: folders and the links of mounted ones."""
    name = Path(path).name
    return name.endswith(".py") or (name != "__pycache__" and "." not in name) or name.startswith("..")
