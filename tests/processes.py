"""The servers that the scripts `tests/install-*.sh` build, as processes that end with the tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mizzen.testing import wait_until

TOOLS = Path(__file__).parents[1] / "target/tools"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
SHOWN_CHARACTERS = 2000
# a process of Python asks to end with the tests, then becomes the server
START = """\
import os, sys
from mizzen.agent.child import end_with_parent
end_with_parent()
os.execv(sys.argv[1], sys.argv[1:])
"""


class Server:
    """One process. It may be started again after it was stopped."""

    def __init__(self, program: Path, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str], is_ready: Callable[[], bool]) -> None:
        """Starts it and returns when it is ready."""
        command = [sys.executable, "-c", START, str(self.program), *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        self.process = process

        def look() -> bool:
            if process.poll() is not None:
                end = self.log.read_text(errors="replace")[-SHOWN_CHARACTERS:]
                raise RuntimeError(f"{self.program.name} ended with status {process.returncode}: {end}")
            return is_ready()

        wait_until(look, f"{self.program.name} is ready", START_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
            raise


def tool(path: str, script: str) -> Path:
    """A program below target/tools/; `FileNotFoundError` where `script` was not run."""
    place = TOOLS / path
    if not place.exists():
        raise FileNotFoundError(f"{place} is missing; tests/{script} builds it")
    return place
