"""The lines that tell that a process is ready, written and read."""

from __future__ import annotations

import pytest

from mizzen.agent.address import HostPort
from mizzen.readiness import MixerAddresses, ProxyAddresses


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
def test_the_line_of_a_proxy_tells_every_port_in_one_order_and_is_read_back(
    listeners: dict[str, int], line: str
) -> None:
    addresses = ProxyAddresses.of_listeners(address(9), {name: address(port) for name, port in listeners.items()})
    assert addresses.to_line() == f"mizzen proxy: listening on {line}"
    assert ProxyAddresses.from_line(addresses.to_line()) == addresses


def test_the_line_of_a_mixer_is_read_back_with_addresses_of_both_families() -> None:
    addresses = MixerAddresses(HostPort("::1", 9091), address(15014))
    line = "mizzen mixer: serving gRPC on [::1]:9091, monitoring on http://127.0.0.1:15014"
    assert addresses.to_line() == line
    assert MixerAddresses.from_line(line) == addresses


def test_any_other_line_is_none() -> None:
    for line in ("", "mizzen mixer: draining", "mizzen proxy: warning: listening on 127.0.0.1:1"):
        assert MixerAddresses.from_line(line) is None
        assert ProxyAddresses.from_line(line) is None
