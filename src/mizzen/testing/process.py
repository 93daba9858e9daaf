"""A verb of `mizzen` as a process, with a folder of its own for its files and its log."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mizzen.agent.child import STOP_SECONDS, Child, ChildError

Ready = TypeVar("Ready")


class VerbProcess:
    """A context manager whose `__enter__` calls `start`; leaving it stops the process.

    Leaving raises `ChildError` if the process does not end within 20 s of SIGTERM; it is killed then.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mizzen-test-")
        self.directory = Path(self._folder.name)
        self._child: Child | None = None

    def write(self, name: str, text: str) -> str:
        """A file in the folder of the process; returns its path."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def start(self, command: Sequence[str], read_ready: Callable[[str], Ready | None]) -> Ready:
        """Start `mizzen` with these arguments, and return what `read_ready` makes of the line that says it serves.

        `ChildError` has the process's words if that does not come.
        """
        self._child = Child(command, self.directory / "stderr")
        try:
            return self._child.wait_for_line(read_ready)
        except BaseException:
            self.close()
            raise

    @property
    def child(self) -> Child:
        """`ChildError` before the start."""
        if self._child is None:
            raise ChildError("was not started")
        return self._child

    @property
    def log(self) -> str:
        """What the process wrote to its standard error so far."""
        return self._child.log() if self._child else ""

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process and do not wait."""
        self.child.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status once it ends by itself; `ChildError` if it does not."""
        return self.child.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process and return its exit status; a process that has ended already is fine."""
        return self.child.stop(number)

    def close(self) -> None:
        """End it at once if it still runs, and remove its folder."""
        if self._child is not None:
            self._child.close()
        self._folder.cleanup()

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.close()
