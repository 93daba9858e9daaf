"""Servers that speak bytes, seen by a client on a socket."""

from __future__ import annotations

import socket

import pytest

from mizzen.testing import TcpBackend, wait_until
from mizzen.testing.connections import ConnectionServer
from mizzen.testing.tcp import connect, receive, receive_all


def test_a_tcp_backend_greets_echoes_and_says_goodbye() -> None:
    with TcpBackend(b"hello", b"bye") as backend, connect(backend.address) as one, connect(backend.address) as other:
        assert receive(one, 5) == receive(other, 5) == b"hello"
        other.sendall(b"2")
        assert receive(other, 1) == b"2"
        one.sendall(b"1")
        one.shutdown(socket.SHUT_WR)
        assert receive_all(one) == b"1bye"
    assert backend.received == [b"1", b"2"]
    assert backend.connections == 2


def test_a_reset_breaks_every_connection_off() -> None:
    with TcpBackend(b"hello", b"bye") as backend, connect(backend.address) as client:
        assert receive(client, 5) == b"hello"
        backend.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert backend.open_connections == []


def test_the_end_of_a_server_ends_its_open_connections() -> None:
    with connect_to(TcpBackend()) as client:
        assert client.recv(1) == b""


def connect_to(server: ConnectionServer) -> socket.socket:
    """A connection whose server is gone again."""
    with server:
        client = connect(server.address)
        wait_until(lambda: server.connections == 1, "the connection")
        return client
