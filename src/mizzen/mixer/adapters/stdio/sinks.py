"""Where lines are written: a stream of the process, a file, or a file that is rotated."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TextIO

_STAMP = "%Y-%m-%dT%H-%M-%S.%f"
_MODE = 0o640


class Sink(Protocol):
    """Takes whole lines. `OSError` means that they were not (all) written."""

    def write(self, text: str) -> None:
        """Writes `text` in one piece: lines of different threads are not mixed."""

    def close(self) -> None:
        """Releases the file; nothing is buffered."""


class StreamSink:
    """Standard output or standard error, flushed after each write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        with self._lock:
            self._stream.write(text)
            self._stream.flush()

    def close(self) -> None:
        """The stream belongs to the process."""


class FileSink:
    """Appends to a file. One that was moved or deleted (by logrotate, for one) is created anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._torn = False
        self._file = self._open()

    def write(self, text: str) -> None:
        data = text.encode(errors="backslashreplace")
        with self._lock:
            self._prepare(len(data))
            self._write_all(b"\n" + data if self._torn else data)

    def close(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _prepare(self, size: int) -> None:
        if self._file < 0 or not self._is_current():
            self._reopen()

    def _is_current(self) -> bool:
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        opened = os.fstat(self._file)
        return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)

    def _reopen(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._file = self._open()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def _write_all(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        finally:  # a full disk may have taken half a line: the next one must not continue it
            self._torn = data[max(written - 1, 0) : written] not in (b"", b"\n")


class RotatedFileSink(FileSink):
    """Renames the file to `<stem>-<UTC time><suffix>` when it is full or old, and deletes the oldest of those."""

    def __init__(self, path: Path, max_bytes: int, max_age: timedelta, max_files: int, now: Callable[[], int]) -> None:
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._max_files = max_files
        self._now = now
        super().__init__(path)
        self._started = self._start_of_file()

    def rotated(self) -> list[Path]:
        """The files rotated so far, oldest first."""
        return sorted(path for path in self._path.parent.iterdir() if self._stamp_of(path))

    def _prepare(self, size: int) -> None:
        super()._prepare(size)
        written = os.fstat(self._file).st_size
        full = bool(self._max_bytes) and written + size > self._max_bytes
        old = bool(self._max_age) and self._moment() - self._started >= self._max_age
        if written and (full or old):
            self._rotate()

    def _rotate(self) -> None:
        moment = self._moment()
        files = self.rotated()
        newest = self._stamp_of(files[-1]) if files else None
        if newest and moment <= newest:  # a clock that is coarse or was set back must not mix up the order
            moment = newest + timedelta(microseconds=1)
        self._path.rename(self._target(moment))
        self._reopen()
        self._started = moment
        if self._max_files:
            for path in self.rotated()[: -self._max_files]:
                path.unlink(missing_ok=True)

    def _target(self, moment: datetime) -> Path:
        return self._path.with_name(f"{self._path.stem}-{moment.strftime(_STAMP)}{self._path.suffix}")

    def _start_of_file(self) -> datetime:
        """When the present file was begun: at the last rotation, else (as far as is known) at its last change."""
        stamps = [stamp for stamp in map(self._stamp_of, self.rotated()) if stamp]
        if stamps:
            return stamps[-1]
        status = os.fstat(self._file)
        return datetime.fromtimestamp(status.st_mtime, UTC) if status.st_size else self._moment()

    def _stamp_of(self, path: Path) -> datetime | None:
        start, end = f"{self._path.stem}-", self._path.suffix
        if not (path.name.startswith(start) and path.name.endswith(end)):
            return None
        text = path.name.removeprefix(start).removesuffix(end)
        try:
            return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return None

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now() / 1e9, UTC)
