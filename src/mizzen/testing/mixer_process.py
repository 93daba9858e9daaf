"""A real `mizzen mixer` as a process, on free ports, with a directory of policies that tests may change."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mizzen.agent.address import HostPort, parse_host_port
from mizzen.agent.child import Child

READY = re.compile(r"mizzen mixer: serving gRPC on (?P<grpc>\S+), monitoring on http://(?P<monitoring>\S+)")


class MixerProcess:
    """`mizzen mixer` with the given files, name → YAML text.

    Entering the context returns when it serves and raises `ChildError` with the process's words if it does not; leaving
    it stops the process. `arguments` are added to the command line as they are.
    """

    def __init__(self, files: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="mizzen-test-")
        self.policies = Path(self.folder.name) / "policies"
        self.policies.mkdir()
        for name, text in files.items():
            self.save(name, text)
        ports = ["--port", "0", "--monitoring-port", "0"]
        self.command = ["mixer", "--config-dir", str(self.policies), *ports, *arguments]
        self.child: Child | None = None
        self.address = self.monitoring = HostPort("127.0.0.1", 0)

    def save(self, name: str, text: str) -> None:
        """Write one policy file whole, as careful editors do: the Mixer sees the old text or the new one."""
        fresh = self.policies.parent / "fresh"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.policies / name)

    @property
    def log(self) -> str:
        """What the process wrote to its standard error so far."""
        return self.child.log() if self.child else ""

    def __enter__(self) -> Self:
        self.child = Child(self.command, Path(self.folder.name) / "stderr")
        try:
            found = self.child.wait_for_line(READY)
        except BaseException:
            self.close()
            raise
        self.address = parse_host_port(found["grpc"])
        self.monitoring = parse_host_port(found["monitoring"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.child is not None:
                self.child.stop()
        finally:
            self.close()

    def close(self) -> None:
        if self.child is not None:
            self.child.close()
        self.folder.cleanup()
