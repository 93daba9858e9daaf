"""Reads the configuration files of a directory: the input and output side of the store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".yaml", ".yml")
LARGEST_FILE_BYTES = 16 << 20


@dataclass(frozen=True)
class ScannedFile:
    """The text of one file, or the reason why it cannot be read."""

    text: str = ""
    failure: str = ""


Scan = Mapping[str, ScannedFile]
"""File name, as it is shown to people, to what was found; in sorted order."""


def scan_directory(directory: Path) -> Scan:
    """Every `.yaml` and `.yml` file below `directory`, names that start with a dot left out.

    Links are followed to files, and to directories except back to one that is being read, so the links of a mounted
    Kubernetes ConfigMap work. Raises OSError only when `directory` itself cannot be read.
    """
    with os.scandir(directory):
        pass
    return {str(path): read_file(path) for path in sorted(_walk(directory, (os.path.realpath(directory),)))}


def _walk(directory: Path, above: tuple[str, ...]) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        yield directory / "(directory)"
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


def read_file(path: Path) -> ScannedFile:
    """One file; never raises, what goes wrong is its `failure`."""
    if path.name == "(directory)":
        return ScannedFile(failure="is a directory that cannot be read")
    try:
        if not path.is_file():
            return ScannedFile(failure="is not a file")
        if path.stat().st_size > LARGEST_FILE_BYTES:
            return ScannedFile(failure=f"is larger than {LARGEST_FILE_BYTES} bytes")
        return ScannedFile(text=path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return ScannedFile(failure=f"is not UTF-8 at byte {error.start}")
    except OSError as error:
        return ScannedFile(failure=f"cannot be read: {error.strerror}")
