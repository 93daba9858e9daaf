"""The servers that `tests/install-kubernetes.sh` builds, as processes that end with the tests."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mizzen.testing import wait_until

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
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

    def __init__(self, program: str, log: Path) -> None:
        self.program = program
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str], is_ready: Callable[[], bool]) -> None:
        """Starts it and returns when it is ready."""
        command = [sys.executable, "-c", START, str(path_of(self.program)), *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        self.process = process

        def look() -> bool:
            if process.poll() is not None:
                end = self.log.read_text(errors="replace")[-SHOWN_CHARACTERS:]
                raise RuntimeError(f"{self.program} ended with status {process.returncode}: {end}")
            return is_ready()

        wait_until(look, f"{self.program} is ready", START_SECONDS)

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


def path_of(program: str) -> Path:
    """`FileNotFoundError` where the servers were not built."""
    module = (ROOT / "tests/kubernetes/go.mod").read_text()
    version = re.search(r"^\tk8s.io/kubernetes (v\S+)", module, re.MULTILINE)
    assert version
    path = ROOT / f"target/tools/kubernetes-{version[1]}" / program
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; tests/install-kubernetes.sh builds it")
    return path
