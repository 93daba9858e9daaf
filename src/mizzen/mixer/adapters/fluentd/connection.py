"""A connection to a Fluentd (or Fluent Bit) that is opened when it is needed. For one thread."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence

import msgpack

from mizzen.mixer.adapters.fluentd.events import Event, messages_of
from mizzen.mixer.adapters.outbox import SendError

_LARGEST_ANSWER = 64 * 1024


class Connection:
    """Sends batches in order. With `require_ack` a batch has arrived when the server says so; without, when the network
    took it. `shared_key` and the password of `user` are proved in the protocol's handshake and never sent."""

    def __init__(
        self,
        place: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        require_ack: bool = False,
        shared_key: str = "",
        user: tuple[str, str] = ("", ""),
    ) -> None:
        self._place = place
        self._tls = tls
        self._server_name = server_name or place[0]
        self._require_ack = require_ack
        self._shared_key = shared_key
        self._user, self._password = user
        self._socket: socket.socket | None = None
        self._unpacker = _unpacker()
        self._end = 0.0

    def send(self, events: Sequence[Event], timeout: float) -> None:
        """Raises `SendError`; the events may then have arrived nevertheless."""
        self._end = time.monotonic() + timeout
        messages = messages_of(events, _identities() if self._require_ack else None)
        try:
            if self._socket is not None and self._is_over():
                self.close()
            if self._socket is None:
                self._open()
            for message, chunk in messages:
                self._write(message)
                if chunk:
                    self._await_ack(chunk)
        except (OSError, ValueError, TypeError, msgpack.UnpackException) as error:  # msgpack raises all of these
            self.close()
            raise SendError(str(error) or type(error).__name__) from None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def _stream(self) -> socket.socket:
        if self._socket is None:
            raise OSError("not connected")
        return self._socket

    def _open(self) -> None:
        plain = socket.create_connection(self._place, timeout=self._left())
        try:
            self._socket = self._tls.wrap_socket(plain, server_hostname=self._server_name) if self._tls else plain
        except BaseException:
            plain.close()
            raise
        self._unpacker = _unpacker()
        if self._shared_key:
            self._shake_hands()

    def _is_over(self) -> bool:
        """Whether the server has closed a connection that rested: writing would lose the first batch unnoticed."""
        poll = select.poll()
        poll.register(self._stream, select.POLLIN)
        if not poll.poll(0):
            return False
        self._stream.settimeout(0)
        try:
            return not self._stream.recv(_LARGEST_ANSWER)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True

    def _write(self, data: bytes) -> None:
        self._stream.settimeout(self._left())
        self._stream.sendall(data)

    def _read(self) -> object:
        """The next MessagePack object of the server."""
        while True:
            try:
                answer: object = self._unpacker.unpack()
            except msgpack.OutOfData:
                self._stream.settimeout(self._left())
                data = self._stream.recv(4096)
                if not data:
                    raise OSError("the server closed the connection") from None
                self._unpacker.feed(data)
            else:
                return answer

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def _await_ack(self, chunk: str) -> None:
        answer = self._read()
        if not isinstance(answer, dict) or answer.get("ack") != chunk:
            raise OSError("the server did not acknowledge")

    def _shake_hands(self) -> None:
        helo = self._read()
        if not (isinstance(helo, list) and len(helo) == 2 and helo[0] == "HELO" and isinstance(helo[1], dict)):
            raise OSError("the server does not ask for a shared key")
        nonce, auth = (_bytes(helo[1].get(name, b"")) for name in ("nonce", "auth"))
        # Fluentd sends a salt for users also where it has none, and then takes any user.
        proof = _digest(auth, self._user.encode(), self._password.encode()) if auth else ""
        salt, name = os.urandom(16).hex(), socket.gethostname()
        self._write(msgpack.packb(["PING", name, salt, self._key_digest(salt, name, nonce), self._user, proof]))
        pong = self._read()
        if not (isinstance(pong, list) and len(pong) == 5 and pong[0] == "PONG"):
            raise OSError("the server did not answer the handshake")
        if pong[1] is not True:
            raise OSError(
                f"the server refused the shared key or the user: {_bytes(pong[2])[:100].decode(errors='replace')}"
            )
        if not hmac.compare_digest(_bytes(pong[4]), self._key_digest(salt, _bytes(pong[3]), nonce).encode()):
            raise OSError("the server does not know the shared key")

    def _key_digest(self, salt: str, name: str | bytes, nonce: bytes) -> str:
        return _digest(salt.encode(), _bytes(name), nonce, self._shared_key.encode())


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


def _bytes(value: object) -> bytes:
    """Fluentd sends random bytes as binary, Fluent Bit as a text that is no UTF-8."""
    if isinstance(value, str):
        return value.encode(errors="surrogateescape")
    if not isinstance(value, bytes):
        raise TypeError("the server did not answer the handshake")
    return value


def _unpacker() -> msgpack.Unpacker:
    return msgpack.Unpacker(max_buffer_size=_LARGEST_ANSWER, strict_map_key=False, unicode_errors="surrogateescape")


def _identities() -> Iterator[str]:
    while True:
        yield base64.b64encode(os.urandom(16)).decode()
