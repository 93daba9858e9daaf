"""Ports where nobody or nobody useful listens."""

from __future__ import annotations

import socket
from collections.abc import Callable

from mizzen.testing.connections import ConnectionServer

PATIENCE_SECONDS = 5.0


def unused_port() -> int:
    """A port of 127.0.0.1 that refused connections a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ClosingServer(ConnectionServer):
    """Accepts every connection, waits for the first bytes (5 s) and closes it without an answer."""

    def handler(self, connection: socket.socket) -> Callable[[], object]:
        connection.settimeout(PATIENCE_SECONDS)
        return lambda: connection.recv(1)
