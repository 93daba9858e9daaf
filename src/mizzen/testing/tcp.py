"""A service that speaks bytes, not HTTP, and what a client needs for it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from mizzen.agent.address import HostPort
from mizzen.testing.connections import ConnectionServer
from mizzen.testing.waiting import wait_until


class TcpBackend(ConnectionServer):
    """Greets each connection, sends back what it receives, says goodbye at the client's end and closes.

    With an empty `greeting` the client speaks first. `silent` leaves out the echo. `received` holds what each
    connection has sent so far, in the order of their arrival.
    """

    def __init__(self, greeting: bytes = b"", goodbye: bytes = b"", *, silent: bool = False, port: int = 0) -> None:
        super().__init__(port)
        self.greeting, self.goodbye, self.silent = greeting, goodbye, silent
        self.received: list[bytearray] = []
        self.broken = False

    def handler(self, connection: socket.socket) -> Callable[[], object]:
        received = bytearray()
        self.received.append(received)
        return partial(self.talk, connection, received)

    def talk(self, connection: socket.socket, received: bytearray) -> None:
        connection.sendall(self.greeting)
        while data := connection.recv(65536):
            received += data
            if not self.silent:
                connection.sendall(data)
        if not self.broken:
            connection.sendall(self.goodbye)

    def reset(self) -> None:
        """Break all connections off, without a goodbye."""
        self.broken = True
        for connection in self.open_connections:
            break_off(connection)
        wait_until(lambda: not self.open_connections, "the end of all connections")
        self.broken = False


def break_off(connection: socket.socket) -> None:
    """Close a connection with a reset, so that the peer sees it broken, not ended."""
    # the peer may have broken it off before, or a thread closed it
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # the reset leaves when no thread holds the socket in a call any more
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


def connect(address: HostPort, source: str = "") -> socket.socket:
    """A connection whose calls give up after 20 s; from the address `source`, if one is given."""
    own = (source, 0) if source else None
    return socket.create_connection((address.host, address.port), timeout=20.0, source_address=own)


def ask(address: HostPort, data: bytes, source: str = "") -> bytes:
    """Send `data` on a connection of its own, end this side, and return all that comes back: nothing if closed."""
    with connect(address, source) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return receive_all(connection)
        except ConnectionResetError:
            return b""


def carries_data(address: HostPort, data: bytes = b"hello") -> bool:
    """Whether a connection gets `data` back from an echo behind it, rather than being closed."""
    with connect(address) as connection:
        connection.sendall(data)
        try:
            return receive(connection, len(data)) == data
        except ConnectionResetError:
            return False
