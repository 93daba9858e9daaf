"""A real `mizzen proxy` as a process: Envoy with the Mixer filter, on free ports."""

from __future__ import annotations

import json
import re
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mizzen.agent.address import HostPort, parse_host_port
from mizzen.agent.admin import Admin
from mizzen.agent.child import STOP_SECONDS, Child, ChildError
from mizzen.testing.waiting import wait_until

READY = re.compile(
    r"mizzen proxy: listening on (?P<server>\S+) \(admin (?P<admin>[^\s,)]+)"
    r"(, client (?P<client>[^\s,)]+))?(, tcp (?P<tcp>[^\s,)]+))?\)"
)
NODE_ID = "sidecar~127.0.0.1~echo-1.demo~demo.svc.cluster.local"
NOWHERE = HostPort("127.0.0.1", 0)


class ProxyProcess:
    """`mizzen proxy` in front of `backend`, asking `mixer`; ports 0, one worker unless told otherwise.

    Filter configurations are mappings (an `HttpClientConfig`, for TCP a `TcpClientConfig`) and are written to files;
    `template` is the text of an own template. `client` opens the client side too, `tcp_port` (0: any) a port for TCP,
    whose address is `tcp_address`. `arguments` are added to the command line as they are. Entering
    the context returns when all ports accept connections and raises `ChildError` with the process's words if that does
    not happen; leaving it stops the process, and raises `ChildError` if that takes longer than 20 s.
    """

    def __init__(
        self,
        backend: HostPort,
        mixer: HostPort,
        *,
        filter_config: Mapping[str, Any] | None = None,
        client_filter_config: Mapping[str, Any] | None = None,
        tcp_filter_config: Mapping[str, Any] | None = None,
        template: str | None = None,
        client: bool = False,
        tcp_port: int | None = None,
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
        if tcp_port is not None:
            command += ["--tcp-port", str(tcp_port)]
        if filter_config is not None:
            command += ["--filter-config", self.write("filter.json", json.dumps(filter_config))]
        if client_filter_config is not None:
            command += ["--client-filter-config", self.write("client.json", json.dumps(client_filter_config))]
        if tcp_filter_config is not None:
            command += ["--tcp-filter-config", self.write("tcp.json", json.dumps(tcp_filter_config))]
        if template is not None:
            command += ["--template", self.write("template.yaml", template)]
        self.command = ["proxy", *command, *arguments]
        self.child: Child | None = None
        self.address = self.client_address = self.tcp_address = NOWHERE
        self.admin = Admin(NOWHERE)

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
        return self.child.log() if self.child else ""

    def stats(self, prefix: str = "") -> dict[str, int]:
        """Envoy's counters and gauges whose name starts with `prefix`."""
        return self.admin.stats(prefix)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process and return its exit status; a process that has ended already is fine."""
        if self.child is None:
            raise ChildError("was not started")
        return self.child.stop(number)

    def wait_for_stats(self, expected: Mapping[str, int], before: Mapping[str, int] | None = None) -> None:
        """Return once each counter has grown by what is expected since `before` (or since the start), exactly.

        The filter's counters are published by Envoy's main thread, a moment after the event. `TimeoutError` tells the
        counts that were there instead after 10 s.
        """
        base = before or {}

        def grown() -> dict[str, int]:
            now = self.stats()
            return {name: now.get(name, 0) - base.get(name, 0) for name in expected}

        try:
            wait_until(lambda: grown() == expected, "the expected counts")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; counted: {grown()}, expected: {dict(expected)}") from None

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process and do not wait."""
        if self.child is not None:
            self.child.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit status once it ends by itself; `ChildError` if it does not."""
        if self.child is None:
            raise ChildError("was not started")
        return self.child.wait(seconds)

    def __enter__(self) -> Self:
        self.child = Child(self.command, self.directory / "stderr")
        try:
            found = self.child.wait_for_line(READY)
        except BaseException:
            self.close()
            raise
        self.address = parse_host_port(found["server"])
        self.admin = Admin(parse_host_port(found["admin"]))
        if found["client"]:
            self.client_address = parse_host_port(found["client"])
        if found["tcp"]:
            self.tcp_address = parse_host_port(found["tcp"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self.close()

    def close(self) -> None:
        if self.child is not None:
            self.child.close()
        self.folder.cleanup()
