"""The lines on standard output that tell that a process serves, and where: each is written and read here alone.

Scripts wait for them (docs/proxy.md, docs/mixer.md), so a line changes only with an entry in the change log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mizzen.agent.address import NOWHERE, HostPort, parse_host_port

_MIXER = re.compile(
    r"mizzen mixer: serving gRPC on (unix://(?P<socket>/.+)|(?P<grpc>\S+)), monitoring on http://(?P<monitoring>\S+)"
)
_PROXY = re.compile(
    r"mizzen proxy: listening on (?P<server>no port|\S+) \(admin (?P<admin>[^\s,)]+)"
    r"(, client (?P<client>[^\s,)]+))?(, tcp (?P<tcp>[^\s,)]+))?\)"
)


@dataclass(frozen=True)
class MixerAddresses:
    """Where a Mixer serves its gRPC API and its pages. `socket` is the path of a Unix socket in the place of `grpc`."""

    grpc: HostPort
    monitoring: HostPort
    socket: str = ""

    @property
    def monitoring_url(self) -> str:
        return f"http://{self.monitoring}"

    def to_line(self) -> str:
        place = f"unix://{self.socket}" if self.socket else self.grpc
        return f"mizzen mixer: serving gRPC on {place}, monitoring on {self.monitoring_url}"

    @classmethod
    def from_line(cls, line: str) -> Self | None:
        """None for any other line."""
        found = _MIXER.search(line)
        if found is None:
            return None
        grpc = parse_host_port(found["grpc"]) if found["grpc"] else NOWHERE
        return cls(grpc, parse_host_port(found["monitoring"]), found["socket"] or "")


@dataclass(frozen=True)
class ProxyAddresses:
    """Where a proxy listens; a configuration of the user's own may have no listener."""

    admin: HostPort
    server: HostPort | None
    client: HostPort | None = None
    tcp: HostPort | None = None

    @classmethod
    def of_listeners(cls, admin: HostPort, listeners: Mapping[str, HostPort]) -> Self:
        """Those of the built-in template go by their names; without a `server` the first one is named as such."""
        first = next(iter(listeners.values()), None)
        return cls(admin, listeners.get("server", first), listeners.get("client"), listeners.get("tcp"))

    def to_line(self) -> str:
        more = "".join(f", {name} {port}" for name, port in (("client", self.client), ("tcp", self.tcp)) if port)
        return f"mizzen proxy: listening on {self.server or 'no port'} (admin {self.admin}{more})"

    @classmethod
    def from_line(cls, line: str) -> Self | None:
        """None for any other line."""
        found = _PROXY.search(line)
        if found is None:
            return None
        server, client, tcp = (
            parse_host_port(text) if text and text != "no port" else None
            for text in (found["server"], found["client"], found["tcp"])
        )
        return cls(parse_host_port(found["admin"]), server, client, tcp)
