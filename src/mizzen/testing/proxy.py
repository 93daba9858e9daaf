"""A real `mizzen proxy` as a process: Envoy with the Mixer filter, on free ports."""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mizzen.agent.address import HostPort, parse_host_port
from mizzen.agent.admin import Admin

READY = re.compile(
    r"mizzen proxy: listening on (?P<server>\S+) \(admin (?P<admin>[^\s,)]+)(, client (?P<client>[^\s)]+))?\)"
)
START_SECONDS = 30.0
STOP_SECONDS = 20.0
NODE_ID = "sidecar~127.0.0.1~echo-1.demo~demo.svc.cluster.local"


class ProxyError(Exception):
    """The proxy ended, or was not ready in time; the text holds its output."""


class ProxyProcess:
    """`mizzen proxy` in front of `backend`, asking `mixer`; ports 0, one worker unless told otherwise.

    Filter configurations are mappings (an `HttpClientConfig`) and are written to files; `template` is the text of an
    own template. `client` opens the client side too. `arguments` are added to the command line as they are. Leaving
    the context stops the process and raises `ProxyError` if that takes longer than 20 s.
    """

    def __init__(
        self,
        backend: HostPort,
        mixer: HostPort,
        *,
        filter_config: Mapping[str, Any] | None = None,
        client_filter_config: Mapping[str, Any] | None = None,
        template: str | None = None,
        client: bool = False,
        concurrency: int = 1,
        node_id: str = NODE_ID,
        arguments: Sequence[str] = (),
    ) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="mizzen-test-")
        self.directory = Path(self.folder.name)
        command = ["-a", str(backend), "-m", str(mixer), "-p", "0", "--admin-port", "0", "--node-id", node_id]
        command += ["--concurrency", str(concurrency)]
        if client:
            command += ["--client-port", "0"]
        if filter_config is not None:
            command += ["--filter-config", self.write("filter.json", json.dumps(filter_config))]
        if client_filter_config is not None:
            command += ["--client-filter-config", self.write("client.json", json.dumps(client_filter_config))]
        if template is not None:
            command += ["--template", self.write("template.yaml", template)]
        self.command = [sys.executable, "-m", "mizzen", "proxy", *command, *arguments]
        self.process: subprocess.Popen[bytes] | None = None
        self.address = self.client_address = HostPort("127.0.0.1", 0)
        self.admin = Admin(HostPort("127.0.0.1", 0))

    def write(self, name: str, text: str) -> str:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def client_url(self) -> str:
        return f"http://{self.client_address}"

    @property
    def log(self) -> str:
        """What the process wrote to its standard error so far."""
        path = self.directory / "stderr"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stats(self, prefix: str = "") -> dict[str, int]:
        """Envoy's counters and gauges whose name starts with `prefix`."""
        return self.admin.stats(prefix)

    def start(self) -> Self:
        """Return when all ports accept connections; `ProxyError` with the output if that does not happen."""
        with (self.directory / "stderr").open("wb") as errors:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=errors, process_group=0)
        found = READY.search(self.read_line())
        if found is None:
            self.kill()
            raise ProxyError(f"no line of readiness; standard error:\n{self.log}")
        self.address = parse_host_port(found["server"])
        self.admin = Admin(parse_host_port(found["admin"]))
        if found["client"]:
            self.client_address = parse_host_port(found["client"])
        return self

    def read_line(self) -> str:
        """The first line of standard output, or what there is of it when the process ends or takes too long."""
        assert self.process is not None and self.process.stdout is not None  # noqa: S101, PT018
        output = self.process.stdout
        deadline = time.monotonic() + START_SECONDS
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while b"\n" not in text and selector.select(max(0.0, deadline - time.monotonic())):
                piece = os.read(output.fileno(), 4096)
                if not piece:
                    break
                text += piece
        return text.decode("utf-8", "replace")

    def send_signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status; `ProxyError` if the process is still there after `seconds`, which kills it."""
        if self.process is None:
            raise ProxyError("was not started")
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProxyError(f"did not end within {seconds} s; standard error:\n{self.log}") from None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process and return its exit status; a process that has ended already is fine."""
        self.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self.close()

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.kill()
            if self.process.stdout is not None:
                self.process.stdout.close()
        self.folder.cleanup()
