"""A service that speaks bytes, not HTTP."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from mizzen.agent.address import HostPort


class TcpBackend:
    """Greets each connection, sends back what it receives, says goodbye at the client's end and closes.

    With an empty `greeting` the client speaks first. `silent` leaves out the echo. `received` holds what each
    connection has sent so far, in the order of their arrival.
    """

    def __init__(self, greeting: bytes = b"", goodbye: bytes = b"", *, silent: bool = False) -> None:
        self.greeting, self.goodbye, self.silent = greeting, goodbye, silent
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = HostPort("127.0.0.1", self.listener.getsockname()[1])
        self.received: list[bytearray] = []
        self.open: list[socket.socket] = []
        self.broken = False
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.threads: list[threading.Thread] = []

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            received = bytearray()
            self.received.append(received)
            self.open.append(connection)
            thread = threading.Thread(target=self.serve, args=(connection, received), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, connection: socket.socket, received: bytearray) -> None:
        with connection:
            try:
                connection.sendall(self.greeting)
                while data := connection.recv(65536):
                    received += data
                    if not self.silent:
                        connection.sendall(data)
                if not self.broken:
                    connection.sendall(self.goodbye)
            except OSError:
                return
            finally:
                self.open.remove(connection)

    def reset(self) -> None:
        """Break all connections off, without a goodbye."""
        self.broken = True
        for connection in list(self.open):
            break_off(connection)
        while self.open:
            time.sleep(0.001)
        self.broken = False

    def __enter__(self) -> Self:
        self.acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake a thread that waits in accept() or recv().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.acceptor.join()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self.threads:
            thread.join()


def break_off(connection: socket.socket) -> None:
    """Close a connection with a reset, so that the peer sees it broken, not ended."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # the reset leaves when no thread holds the socket in a call any more; the peer may have broken it off before
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()


def receive(connection: socket.socket, length: int) -> bytes:
    """Exactly `length` bytes, fewer only if the peer ends before."""
    received = bytearray()
    while len(received) < length and (data := connection.recv(length - len(received))):
        received += data
    return bytes(received)


def receive_all(connection: socket.socket) -> bytes:
    """Everything until the peer ends."""
    received = bytearray()
    while data := connection.recv(65536):
        received += data
    return bytes(received)


def connect(address: HostPort) -> socket.socket:
    """A connection whose calls give up after 20 s."""
    return socket.create_connection((address.host, address.port), timeout=20.0)
