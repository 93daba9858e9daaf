"""The line that tells that the proxy is ready."""

from __future__ import annotations

import pytest

from mizzen.agent.address import HostPort
from mizzen.agent.supervise import Ports

READY = "mizzen proxy: listening on "


def address(port: int) -> HostPort:
    return HostPort("127.0.0.1", port)


@pytest.mark.parametrize(
    ("listeners", "line"),
    [
        ({"server": 1}, "127.0.0.1:1 (admin 127.0.0.1:9)"),
        ({"client": 2, "server": 1}, "127.0.0.1:1 (admin 127.0.0.1:9, client 127.0.0.1:2)"),
        ({"tcp": 3, "server": 1}, "127.0.0.1:1 (admin 127.0.0.1:9, tcp 127.0.0.1:3)"),
        ({"server": 1, "tcp": 3, "client": 2}, "127.0.0.1:1 (admin 127.0.0.1:9, client 127.0.0.1:2, tcp 127.0.0.1:3)"),
        ({"own": 4}, "127.0.0.1:4 (admin 127.0.0.1:9)"),
        ({}, "no port (admin 127.0.0.1:9)"),
    ],
)
def test_the_ready_line_tells_every_port_in_one_order(listeners: dict[str, int], line: str) -> None:
    ports = Ports(address(9), {name: address(port) for name, port in listeners.items()})
    assert ports.announcement() == READY + line
