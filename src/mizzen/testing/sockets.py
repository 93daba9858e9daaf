"""Ports where nobody or nobody useful listens."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

from mizzen.agent.address import HostPort


def unused_port() -> int:
    """A port of 127.0.0.1 that refused connections a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ClosingServer:
    """Accepts every connection, waits for the first bytes and closes it without an answer."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = HostPort("127.0.0.1", self.listener.getsockname()[1])
        self.connections = 0
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(5.0)
                try:
                    connection.recv(1)
                except OSError:
                    continue

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake a thread that waits in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
