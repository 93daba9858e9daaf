"""A server that answers every HTTP/2 request with a script of frames, right or wrong: a Mixer that misbehaves."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from mizzen.testing.connections import ConnectionServer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING = 0, 1, 3, 4, 6
END_STREAM, ACKNOWLEDGED, END_HEADERS = 1, 1, 4
FRAME_HEADER = 9


@dataclass(frozen=True)
class SendHeaders:
    """A block of headers, or of trailers after data; `end` closes the stream."""

    fields: Sequence[tuple[str, str]]
    end: bool = False


@dataclass(frozen=True)
class SendData:
    """Bytes of the body; `end` closes the stream."""

    data: bytes
    end: bool = False


@dataclass(frozen=True)
class SendReset:
    """The stream is reset with this HTTP/2 error code."""

    code: int = 2


@dataclass(frozen=True)
class CloseConnection:
    """The TCP connection is closed, after what was sent before."""


Step: TypeAlias = SendHeaders | SendData | SendReset | CloseConnection


class ScriptedHttp2(ConnectionServer):
    """Serves HTTP/2 without TLS on 127.0.0.1 and a free port; `script` may be changed at any time.

    The script runs when a request has been received whole. An empty one never answers. `requests` counts them.
    """

    def __init__(self, script: Sequence[Step] = ()) -> None:
        super().__init__()
        self.script = script
        self.requests = 0

    def handler(self, connection: socket.socket) -> Callable[[], object]:
        return partial(self.talk, connection)

    def talk(self, connection: socket.socket) -> None:
        if read(connection, len(PREFACE)) == PREFACE:
            connection.sendall(frame(SETTINGS, 0, 0, b""))
            while self.answer(connection):
                pass

    def answer(self, connection: socket.socket) -> bool:
        """Read one frame and react; false once the script has closed the connection."""
        kind, flags, stream, payload = read_frame(connection)
        if kind == SETTINGS and not flags & ACKNOWLEDGED:
            connection.sendall(frame(SETTINGS, ACKNOWLEDGED, 0, b""))
        elif kind == PING and not flags & ACKNOWLEDGED:
            connection.sendall(frame(PING, ACKNOWLEDGED, 0, payload))
        elif kind in (DATA, HEADERS) and flags & END_STREAM:
            self.requests += 1
            for step in list(self.script):
                if isinstance(step, CloseConnection):
                    # bytes that nobody has read would turn the close into a reset, and lose what was just sent
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                    return False
                connection.sendall(encode(step, stream))
        return True


def read(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def read_frame(connection: socket.socket) -> tuple[int, int, int, bytes]:
    head = read(connection, FRAME_HEADER)
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream & 0x7FFFFFFF, read(connection, int.from_bytes(head[:3], "big"))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def encode(step: SendHeaders | SendData | SendReset, stream: int) -> bytes:
    match step:
        case SendHeaders(fields, end):
            return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, field_block(fields))
        case SendData(data, end):
            return frame(DATA, END_STREAM if end else 0, stream, data)
        case SendReset(code):
            return frame(RESET, 0, stream, struct.pack(">I", code))


def field_block(fields: Sequence[tuple[str, str]]) -> bytes:
    """HPACK in its simplest form (RFC 7541, 6.2.2): literals without indexing and without Huffman coding."""
    return b"".join(b"\x00" + literal(name) + literal(value) for name, value in fields)


def literal(text: str) -> bytes:
    data = text.encode()
    if len(data) >= 0x7F:
        raise ValueError(f"a scripted field has at most 126 bytes, got {len(data)}")
    return bytes([len(data)]) + data
