"""Reads the configuration files of a directory: the input and output side of the store.

A file that has not been touched since it was read is not read again. Times of files are coarse, so one that was changed
less than two seconds before it was read is read once more.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

SUFFIXES = (".yaml", ".yml")
LARGEST_FILE_BYTES = 16 << 20
_SETTLED_NS = 2_000_000_000
_UNREADABLE = "(directory)"
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

Stamp: TypeAlias = tuple[int, int, int, int, int]
"""Device, number, size and the times of change of a file's content and of its entry."""


@dataclass(frozen=True)
class ScannedFile:
    """The text of one file, or the reason why it cannot be read. A file whose `stamp` is the same has the same text."""

    text: str = ""
    failure: str = ""
    stamp: Stamp | None = field(default=None, compare=False, repr=False)


Scan: TypeAlias = Mapping[str, ScannedFile]
"""File name, as it is shown to people, to what was found; in the order of the parts of their paths."""


def scan_directory(directory: Path, known: Scan | None = None) -> Scan:
    """Every `.yaml` and `.yml` file below `directory`, names that start with a dot left out.

    Links are followed to files, and to directories except back to one that is being read, so the links of a mounted
    Kubernetes ConfigMap work. Files that are as they were when they were `known` are not read. Raises OSError only when
    `directory` itself cannot be read.
    """
    with os.scandir(directory):
        pass
    before = known or {}
    found = _walk(directory, (os.path.realpath(directory),))
    return {str(path): read_file(path, before.get(str(path))) for path in found}


def _walk(directory: Path, above: tuple[str, ...]) -> Iterator[Path]:
    try:
        with os.scandir(directory) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield directory / _UNREADABLE
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = directory / entry.name
        if entry.is_dir():
            real = os.path.realpath(path)
            if real not in above:
                yield from _walk(path, (*above, real))
        elif entry.name.endswith(SUFFIXES):
            yield path


def read_file(path: Path, before: ScannedFile | None = None) -> ScannedFile:
    """One file; never raises, what goes wrong is its `failure`."""
    if path.name == _UNREADABLE:
        return ScannedFile(failure="is a directory that cannot be read")
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return ScannedFile(failure="is not a file")
        if found.st_size > LARGEST_FILE_BYTES:
            return ScannedFile(failure=f"is larger than {LARGEST_FILE_BYTES} bytes")
        stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if before is not None and before.stamp == stamp:
            return before
        settled = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE_BYTES).decode("utf-8-sig")
        return ScannedFile(text=text, stamp=stamp if settled else None)
    except UnicodeDecodeError as error:
        return ScannedFile(failure=f"is not UTF-8 at byte {error.start}")
    except OSError as error:
        return ScannedFile(failure="is not a file" if error.errno in _NO_FILE else f"cannot be read: {error.strerror}")
