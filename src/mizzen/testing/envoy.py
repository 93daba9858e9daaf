"""A plain Envoy with a configuration of its own: updates by file, hot restarts, what `mizzen proxy` does not do."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from mizzen.agent import envoy as binary
from mizzen.agent.address import NOWHERE, HostPort, parse_host_port
from mizzen.agent.admin import Admin
from mizzen.agent.child import ChildError
from mizzen.testing.waiting import wait_until

STOP_SECONDS = 20.0


class EnvoyProcess:
    """The packaged Envoy, run with `config` and `arguments`; entering the context returns when it is live.

    The configuration needs an admin interface; port 0 is fine. Leaving the context ends the process if it runs still.
    """

    def __init__(self, config: Mapping[str, Any], arguments: Sequence[str] = ()) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="mizzen-test-")
        directory = Path(self.folder.name)
        self.errors = directory / "stderr"
        self.place = directory / "admin-address"
        path = directory / "envoy.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        own = ["-c", str(path), "-l", "warning", "--admin-address-path", str(self.place)]
        self.command = [str(binary.packaged_envoy()), *own, *arguments]
        self.process: subprocess.Popen[bytes] | None = None
        self.admin = Admin(NOWHERE)

    @property
    def log(self) -> str:
        """What the process wrote so far."""
        return self.errors.read_text(encoding="utf-8", errors="replace")

    def listener(self, name: str) -> HostPort:
        return self.admin.listeners()[name]

    def stats(self, prefix: str = "") -> dict[str, int]:
        return self.admin.stats(prefix)

    def __enter__(self) -> Self:
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        try:
            wait_until(self.is_live, "a live Envoy", 30)
        except BaseException:
            self.close()
            raise
        return self

    def is_live(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise ChildError(f"Envoy ended with status {self.process.returncode}\n{self.log}")
        try:
            self.admin = Admin(parse_host_port(self.place.read_text(encoding="utf-8").strip()))
        except (OSError, ValueError):
            return False
        return self.admin.is_live()

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status once it ends by itself."""
        if self.process is None:
            raise ChildError("was not started")
        return self.process.wait(seconds)

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self.process is None:
            raise ChildError("was not started")
        self.process.terminate()
        return self.wait()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()
