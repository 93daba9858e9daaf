"""A server that speaks the receiving side of the forward protocol, as its specification describes it."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest

from mizzen.testing import wait_until


class ForwardServer:
    """Records `(tag, record)` of every event. `acknowledge` answers chunks; with `shared_key` clients must prove it."""

    def __init__(self, shared_key: str = "", tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.shared_key = shared_key
        self.users: dict[str, str] = {}
        self.as_text = False
        self.tls = tls
        self.acknowledge = True
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.options: list[dict[str, Any]] = []
        self.connections = 0
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self.serve, args=(stream,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, plain: socket.socket) -> None:
        self.open.append(plain)
        with plain:
            try:
                stream = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
                self.open.append(stream)
                with stream:
                    self.talk(stream)
            except OSError:
                return

    def talk(self, stream: socket.socket) -> None:
        unpacker = msgpack.Unpacker()
        if self.shared_key and not self.shake_hands(stream, unpacker):
            return
        while data := stream.recv(65536):
            unpacker.feed(data)
            for tag, events, option in unpacker:
                self.options.append(option)
                inner = msgpack.Unpacker()
                inner.feed(events)
                self.events += [(tag, record) for _, record in inner]
                if "chunk" in option and self.acknowledge:
                    stream.sendall(msgpack.packb({"ack": option["chunk"]}))

    def shake_hands(self, stream: socket.socket, unpacker: msgpack.Unpacker) -> bool:
        """Fluentd always sends a salt for users, though it may have none; its random bytes are binary, those of Fluent
        Bit a text that is no UTF-8."""
        nonce, auth = b"\xfe" * 16, b"\xfd\x00" * 8
        helo = {"nonce": nonce, "auth": auth if self.users or not self.as_text else b"", "keepalive": True}
        stream.sendall(msgpack.packb(["HELO", helo], use_bin_type=not self.as_text))
        while True:
            data = stream.recv(65536)
            if not data:
                return False
            unpacker.feed(data)
            for kind, host, salt, digest, user, proof in unpacker:
                assert kind == "PING"
                reason = self.refusal(digest, sha512(salt, host, nonce, self.shared_key), user, proof, auth)
                mine = sha512(salt, "server", nonce, self.shared_key)
                stream.sendall(msgpack.packb(["PONG", not reason, reason, "server", mine]))
                return not reason

    def refusal(self, digest: str, expected: str, user: str, proof: str, auth: bytes) -> str:
        if digest != expected:
            return "shared_key mismatch"
        if self.users and proof != sha512(auth, user, self.users.get(user, "?")):
            return "username/password mismatch"
        return ""

    def wait_for(self, events: int) -> list[tuple[str, dict[str, Any]]]:
        wait_until(lambda: len(self.events) >= events, "events arrive")
        return self.events

    def cut(self) -> None:
        """Ends every connection."""
        for stream in self.open:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.open.clear()

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        for thread in self.threads:
            thread.join()


def sha512(*parts: str | bytes) -> str:
    return hashlib.sha512(b"".join(part.encode() if isinstance(part, str) else part for part in parts)).hexdigest()


@pytest.fixture
def forward_server() -> Iterator[ForwardServer]:
    server = ForwardServer()
    yield server
    server.stop()
