"""A directory of YAML files as a store of resources that follows changes.

The state advances from scan to scan by a pure function: what a file says now replaces what it said before, except
where it cannot be understood. A file that cannot be read or holds a document that is no YAML keeps those of its last
good resources that it does not redefine; a resource whose head is faulty keeps its last good version. A resource goes
away only when its document is gone from a file that is otherwise in order, or when the file is gone.

The watch is told of changes (`following`) and never polls for them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from watchfiles import Change

from mizzen.config.errors import ConfigError
from mizzen.config.following import BACKOFF_SECONDS, Pace, times_to_look
from mizzen.config.pieces import Piece, read_pieces
from mizzen.config.position import Position
from mizzen.config.resource import DEFAULT_NAMESPACE, Resource
from mizzen.config.scan import SUFFIXES, Scan, ScannedFile, scan_directory

_PACE = Pace(quiet_ms=20, longest_wait_ms=80)
_NOTHING = ScannedFile()


@dataclass(frozen=True)
class FileState:
    """What one file contributes, and the scan it came from."""

    scanned: ScannedFile
    resources: tuple[Resource, ...] = ()
    errors: tuple[ConfigError, ...] = ()
    kept: frozenset[str] = frozenset()
    pieces: tuple[Piece, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class StoreState:
    """All resources of one moment by key, in a fixed order (sorted by key), and every fault of the files.

    `kept` holds the keys whose newest version was faulty, so that an older one is in force.
    """

    resources: Mapping[str, Resource] = field(default_factory=dict)
    errors: tuple[ConfigError, ...] = ()
    kept: frozenset[str] = frozenset()
    files: Mapping[str, FileState] = field(default_factory=dict, repr=False)


def advance(previous: StoreState, scan: Scan, default_namespace: str = DEFAULT_NAMESPACE) -> StoreState:
    """The state after `scan`. Files, and documents of a file, whose text did not change are not parsed again."""
    files: dict[str, FileState] = {}
    for name, scanned in scan.items():
        before = previous.files.get(name)
        if before is not None and before.scanned == scanned:
            files[name] = _stamped(before, scanned)
        else:
            files[name] = _read_file(name, scanned, before, default_namespace)
    return _merge(files)


def _stamped(state: FileState, scanned: ScannedFile) -> FileState:
    """What an unchanged file contributes; a file that was read when it was too young has its stamp now."""
    return state if state.scanned.stamp == scanned.stamp else replace(state, scanned=scanned)


def _read_file(name: str, scanned: ScannedFile, before: FileState | None, default_namespace: str) -> FileState:
    earlier = before.resources if before else ()
    known = before.pieces if before else ()
    if scanned.failure:
        error = ConfigError(scanned.failure, position=Position(name, 1, 1), accepted="a readable file in UTF-8")
        return FileState(scanned, earlier, (error,), frozenset(resource.key for resource in earlier), known)
    pieces = read_pieces(scanned.text, name, default_namespace, known)
    resources = tuple(resource for piece in pieces for resource in piece.resources)
    errors = [error for piece in pieces for error in piece.errors]
    errors += [fault for piece in pieces for fault in piece.faults]
    if not errors:
        return FileState(scanned, resources, pieces=pieces)
    present = {resource.key for resource in resources}
    kept = tuple(resource for resource in earlier if resource.key not in present)
    keys = frozenset(resource.key for resource in kept)
    return FileState(scanned, (*resources, *kept), tuple(errors), keys, pieces)


def _merge(files: Mapping[str, FileState]) -> StoreState:
    resources: dict[str, Resource] = {}
    errors: list[ConfigError] = []
    kept: set[str] = set()
    for state in files.values():
        errors += state.errors
        for resource in state.resources:
            if resource.key in state.kept:
                continue
            first = resources.setdefault(resource.key, resource)
            if first is not resource:
                reason = f"is defined a second time; the one at {first.position} is used"
                errors.append(resource.error(("metadata", "name"), reason, accepted="each resource once"))
    for state in files.values():  # an older version counts only where no file has a newer one
        for resource in state.resources:
            if resource.key in state.kept and resource.key not in resources:
                resources[resource.key] = resource
                kept.add(resource.key)
    ordered = {key: resources[key] for key in sorted(resources)}
    return StoreState(ordered, tuple(errors), frozenset(kept), files)


class FileStore:
    """The store of one directory. Not for use from several threads at once."""

    def __init__(self, directory: Path | str, default_namespace: str = DEFAULT_NAMESPACE) -> None:
        self.directory = Path(directory)
        self.default_namespace = default_namespace
        self.state = StoreState()

    def load(self) -> StoreState:
        """Reads the directory and returns the new state. Raises OSError when the directory cannot be read."""
        self.state = advance(self.state, self._scan(), self.default_namespace)
        return self.state

    async def watch(self) -> AsyncIterator[StoreState]:
        """Every later state that differs from the one before, within about 100 ms of the change.

        A directory that goes away leaves the last state in force, and is looked for again each second.
        """
        while True:
            with contextlib.suppress(OSError):  # awatch says so when the directory is missing
                async for state in self._watch_once():
                    yield state
            await asyncio.sleep(BACKOFF_SECONDS)

    async def _watch_once(self) -> AsyncIterator[StoreState]:
        watched = self.directory.stat().st_ino
        async with contextlib.aclosing(times_to_look([self.directory], _is_relevant, _PACE)) as times:
            async for _ in times:
                state = await self._look()
                if state is not None:
                    yield state
                if self.directory.stat().st_ino != watched:
                    return  # another directory took its place: watch that one

    async def _look(self) -> StoreState | None:
        before = self.state
        scan = await asyncio.to_thread(self._scan)
        if _is_halfway(before, scan):
            await asyncio.sleep(_PACE.longest_wait_ms / 1000)
            scan = await asyncio.to_thread(self._scan)
        if scan == {name: state.scanned for name, state in before.files.items()}:
            files = {name: _stamped(state, scan[name]) for name, state in before.files.items()}
            self.state = replace(before, files=files)
            return None
        self.state = await asyncio.to_thread(advance, before, scan, self.default_namespace)
        return self.state

    def _scan(self) -> Scan:
        return scan_directory(self.directory, {name: state.scanned for name, state in self.state.files.items()})


def _is_halfway(before: StoreState, scan: Scan) -> bool:
    """Whether a file with resources is gone or empty: a program may be just about to write it or to rename it back."""
    return any(state.resources and scan.get(name, _NOTHING) == _NOTHING for name, state in before.files.items())


def _is_relevant(_: Change, path: str) -> bool:
    """Configuration files, and names without suffix or with dots in front: directories and the links of ConfigMaps."""
    name = Path(path).name
    return name.endswith(SUFFIXES) or name.startswith("..") or "." not in name
