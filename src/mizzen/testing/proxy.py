"""A real `mizzen proxy` as a process: Envoy with the Mixer filter, on free ports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from mizzen.agent.address import NOWHERE, HostPort
from mizzen.agent.admin import Admin
from mizzen.readiness import ProxyAddresses
from mizzen.testing.process import VerbProcess
from mizzen.testing.waiting import wait_until

NODE_ID = "sidecar~127.0.0.1~echo-1.demo~demo.svc.cluster.local"


class ProxyProcess(VerbProcess):
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
        super().__init__()
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
        self.address = self.client_address = self.tcp_address = NOWHERE
        self.admin = Admin(NOWHERE)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def stats(self, prefix: str = "") -> dict[str, int]:
        """Envoy's counters and gauges whose name starts with `prefix`."""
        return self.admin.stats(prefix)

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

    def __enter__(self) -> Self:
        addresses = self.start(self.command, ProxyAddresses.from_line)
        self.admin = Admin(addresses.admin)
        self.address = addresses.server or NOWHERE
        self.client_address = addresses.client or NOWHERE
        self.tcp_address = addresses.tcp or NOWHERE
        return self
