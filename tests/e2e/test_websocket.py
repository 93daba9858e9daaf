"""An upgraded connection is checked once, passes bytes both ways and is reported when it ends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

from mizzen.testing import FakeMixer, ProxyProcess
from mizzen.testing.connections import ConnectionServer
from mizzen.testing.tcp import connect

REQUEST = b"GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


class UpperCaseSocket(ConnectionServer):
    """Takes the upgrade and sends back what comes, in capitals."""

    def handler(self, connection: socket.socket) -> Callable[[], object]:
        return partial(self.talk, connection)

    def talk(self, connection: socket.socket) -> None:
        read_until(connection, b"\r\n\r\n")
        connection.sendall(ANSWER)
        while piece := connection.recv(4096):
            connection.sendall(piece.upper())


def read_until(connection: socket.socket, end: bytes) -> bytes:
    text = b""
    while not text.endswith(end):
        piece = connection.recv(4096)
        assert piece, text
        text += piece
    return text


def test_an_upgraded_connection_passes_and_is_reported(fresh_mixer: FakeMixer) -> None:
    with UpperCaseSocket() as backend, ProxyProcess(backend.address, fresh_mixer.address) as proxy:
        with connect(proxy.address) as connection:
            connection.sendall(REQUEST)
            assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
            for word in (b"one", b"two"):
                connection.sendall(word)
                assert read_until(connection, word.upper()) == word.upper()
            assert len(fresh_mixer.checks) == 1
            assert fresh_mixer.reports == []
        bag = fresh_mixer.wait_for_report("request.path", "/socket")
    assert bag["response.code"] == 101
    assert (bag["request.size"], bag["response.size"]) == (6, 6)
