"""An upgraded connection is checked once, passes bytes both ways and is reported when it ends."""

from __future__ import annotations

import socket
import threading

from mizzen.agent.address import HostPort
from mizzen.testing import FakeMixer, ProxyProcess

REQUEST = b"GET /socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


def echo_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
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
    with socket.create_server(("127.0.0.1", 0)) as listener:
        backend = HostPort("127.0.0.1", listener.getsockname()[1])
        service = threading.Thread(target=echo_once, args=(listener,), daemon=True)
        service.start()
        with ProxyProcess(backend, fresh_mixer.address) as proxy:
            place = (proxy.address.host, proxy.address.port)
            with socket.create_connection(place, timeout=20) as connection:
                connection.sendall(REQUEST)
                assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
                for word in (b"one", b"two"):
                    connection.sendall(word)
                    assert read_until(connection, word.upper()) == word.upper()
                assert len(fresh_mixer.checks) == 1
                assert fresh_mixer.reports == []
            bag = fresh_mixer.wait_for_report("request.path", "/socket")
        service.join(20)
    assert bag["response.code"] == 101
    assert (bag["request.size"], bag["response.size"]) == (6, 6)
