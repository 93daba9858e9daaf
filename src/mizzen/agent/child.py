"""Another `mizzen` process: started, waited for by its line of readiness, read from, stopped."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar

Found = TypeVar("Found")
START_SECONDS = 30.0
STOP_SECONDS = 20.0
SHOWN_LINES = 40
PR_SET_PDEATHSIG = 1
# The child asks for the signal itself: a hook between fork and exec would run in a copy of this process, where gRPC's
# threads do not exist.
MAIN = """\
import sys
from mizzen.agent.child import end_with_parent
end_with_parent()
sys.argv[0] = "mizzen"
from mizzen.cli.main import main
main()
"""


class ChildError(Exception):
    """The process ended or was not ready in time; the text holds the end of its standard error."""


class Child:
    """One `mizzen VERB …` process in a process group of its own.

    Its standard output is read all the time, line by line, into `lines` (and `on_line`, on the reading thread); its
    standard error goes to the file `errors`. Leaving the context stops it.
    """

    def __init__(self, arguments: Sequence[str], errors: Path, on_line: Callable[[str], None] | None = None) -> None:
        self.arguments = arguments
        self.errors = errors
        self.on_line = on_line
        self.lines: list[str] = []
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        with errors.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                process_group=0,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        self.reader.start()

    def read(self) -> None:
        for line in self.process.stdout or ():
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
            if self.on_line is not None:
                self.on_line(line.rstrip("\n"))
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for_line(self, read: Callable[[str], Found | None], seconds: float = START_SECONDS) -> Found:
        """What `read` makes of the first line that it takes, of the output so far or to come.

        `ChildError` if the output ends or time is up before.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.find(read) or self.ended, seconds)
            found = self.find(read)
        if found is None:
            raise ChildError(f"mizzen {' '.join(self.arguments[:1])} is not ready:\n{self.last_errors()}")
        return found

    def find(self, read: Callable[[str], Found | None]) -> Found | None:
        return next((found for line in self.lines if (found := read(line))), None)

    def log(self) -> str:
        """Its standard error so far."""
        return self.errors.read_text(encoding="utf-8", errors="replace") if self.errors.exists() else ""

    def last_errors(self) -> str:
        return "\n".join(self.log().splitlines()[-SHOWN_LINES:])

    @property
    def pid(self) -> int:
        return self.process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it and do not wait; one that has ended already is fine."""
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status; a process that is still there after `seconds` is killed and `ChildError` raised."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChildError(f"did not end within {seconds} s:\n{self.last_errors()}") from None
        self.reader.join(seconds)
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal and wait; a process that has ended already is fine."""
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it at once if it still runs, and give its pipe back."""
        self.kill()
        self.reader.join(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.close()


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel to signal this process should its parent die (Linux).

    The kernel watches the thread that started this process, so that thread must live as long.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
