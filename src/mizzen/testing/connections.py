"""What the kit's TCP servers have in common: a listener on a free port and a thread for each connection."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from mizzen.agent.address import HostPort

ACCEPT_BACKLOG = 1024


class ConnectionServer(ABC):
    """Accepts on 127.0.0.1 and a free port (or `port`) while the context lasts; subclasses say what then in `handler`.

    Leaving the context ends the open connections and waits for their threads. `connections` counts those accepted.
    """

    def __init__(self, port: int = 0) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", port), backlog=ACCEPT_BACKLOG)
        self.address = HostPort("127.0.0.1", self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._threads: list[threading.Thread] = []

    @abstractmethod
    def handler(self, connection: socket.socket) -> Callable[[], object]:
        """Asked in the order of arrival; what it returns serves the connection, on a thread of its own.

        That may end with `OSError` or `EOFError` when the peer goes away. The connection is closed afterwards.
        """

    @property
    def open_connections(self) -> list[socket.socket]:
        return list(self._open)

    def end_connections(self) -> None:
        """Shut down what is open; the threads that wait for bytes see the end."""
        for connection in self.open_connections:
            # the peer may have ended it already
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, self.handler(connection)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, handle: Callable[[], object]) -> None:
        with connection, suppress(EOFError, OSError):
            handle()
        self._open.remove(connection)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake a thread that waits in accept() or recv().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        self.end_connections()
        for thread in self._threads:
            thread.join()
