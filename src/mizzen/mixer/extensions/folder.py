"""The modules of folders and their versions: what is on the disk now, and what is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from mizzen.config.errors import ConfigError
from mizzen.mixer.extensions.objects import Defined, Loaded

Digests: TypeAlias = Mapping[Path, str]
Load: TypeAlias = Callable[[Path], Loaded]


@dataclass(frozen=True)
class Module:
    """One module: its newest version by digest, and the objects in force, which are those of the last good one."""

    digest: str
    objects: tuple[Defined, ...] = ()
    error: ConfigError | None = None
    good: tuple[Defined, ...] = ()
    faults: tuple[ConfigError, ...] = field(default=(), compare=False)

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        return (self.error, *self.faults) if self.error else self.faults

    @property
    def is_kept(self) -> bool:
        """Whether an older version is in force than the one on the disk."""
        return bool(self.good) and self.good != self.objects


def scan(directories: Iterable[Path]) -> Digests:
    """Every module of the folders with a digest of its source. Raises OSError when a folder cannot be read.

    A module is a file `NAME.py` or a folder with `__init__.py`. Names that start with `_` or `.` are no modules of
    their own, but part of all others; tests (`test_*.py`, `conftest.py`) are left out.
    """
    digests: dict[Path, str] = {}
    for directory in directories:
        entries = sorted(directory.iterdir())
        shared = [path for path in entries if path.name.startswith("_") and path.name != "__pycache__"]
        common = _digest(file for path in shared for file in _sources(path))
        for path in entries:
            sources = list(_sources(path))
            if sources and path not in shared and not _is_left_out(path):
                digests[path] = _digest(sources) + common
    return digests


def advance(before: Mapping[Path, Module], digests: Digests, load: Load) -> dict[Path, Module]:
    """The modules after a scan: those whose digest changed are loaded anew; their last good objects are kept."""
    after: dict[Path, Module] = {}
    for path, digest in digests.items():
        known = before.get(path)
        if known is not None and known.digest == digest:
            after[path] = known
            continue
        loaded = load(path)
        after[path] = Module(digest, loaded.objects, loaded.error, known.good if known else ())
    return after


def _sources(path: Path) -> Iterator[Path]:
    if path.is_file() and path.suffix == ".py":
        yield path
    elif path.is_dir() and (path / "__init__.py").is_file():
        yield from sorted(path.rglob("*.py"))


def _is_left_out(path: Path) -> bool:
    return path.name.startswith((".", "test_")) or path.name == "conftest.py"


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def errors_of(modules: Sequence[Module]) -> tuple[ConfigError, ...]:
    return tuple(error for module in modules for error in module.errors)
