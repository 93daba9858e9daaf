"""A real `mizzen mixer` as a process, on free ports, with a directory of policies that tests may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from mizzen.agent.address import NOWHERE
from mizzen.readiness import MixerAddresses
from mizzen.testing.process import VerbProcess


class MixerProcess(VerbProcess):
    """`mizzen mixer` with the given files, name → YAML text.

    Entering the context returns when it serves and raises `ChildError` with the process's words if it does not; leaving
    it stops the process. `arguments` are added to the command line as they are.
    """

    def __init__(self, files: Mapping[str, str], arguments: Sequence[str] = ()) -> None:
        super().__init__()
        self.policies = self.directory / "policies"
        self.policies.mkdir()
        for name, text in files.items():
            self.save(name, text)
        ports = ["--port", "0", "--monitoring-port", "0"]
        self.command = ["mixer", "--config-dir", str(self.policies), *ports, *arguments]
        self.address = self.monitoring = NOWHERE

    def save(self, name: str, text: str) -> None:
        """Write one policy file whole, as careful editors do: the Mixer sees the old text or the new one."""
        fresh = self.directory / "fresh"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.policies / name)

    @property
    def monitoring_url(self) -> str:
        return f"http://{self.monitoring}"

    def __enter__(self) -> Self:
        addresses = self.start(self.command, MixerAddresses.from_line)
        self.address, self.monitoring = addresses.grpc, addresses.monitoring
        return self
