"""An HTTP/1.1 service that tells what it received, and misbehaves when its path says so.

`/status/CODE` answers with that code, `/delay/SECONDS` waits first, `/reset` resets the connection before the answer,
`/reset-in-body` after half of it. Everything else is answered 200. The body is JSON: method, path, headers (a list of
pairs) and the length of the request's body. A `respond` function of one's own decides instead of the paths.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from mizzen.agent.address import HostPort


@dataclass(frozen=True)
class EchoRequest:
    """One request as it arrived; header names as sent."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The last value of the header, whatever its case."""
        values = self.headers_named(name)
        return values[-1] if values else None

    def headers_named(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class EchoResponse:
    """What to answer. `reset` closes the connection with RST: "before" the answer, or "within" its body."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay_seconds: float = 0.0
    reset: str = ""


@dataclass
class EchoBackend:
    """The service, on 127.0.0.1 and a free port (or `port`); `requests` holds what it received, oldest first."""

    respond: Callable[[EchoRequest], EchoResponse] | None = None
    port: int = 0
    requests: list[EchoRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        backend = self

        class Handler(RequestHandler):
            answer = staticmethod(backend.answer)

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.address = HostPort("127.0.0.1", self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def answer(self, request: EchoRequest) -> EchoResponse:
        self.requests.append(request)
        return (self.respond or respond_by_path)(request)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def respond_by_path(request: EchoRequest) -> EchoResponse:
    content = {
        "method": request.method,
        "path": request.path,
        "headers": [list(pair) for pair in request.headers],
        "body_length": len(request.body),
    }
    body = json.dumps(content).encode()
    headers = (("content-type", "application/json"),)
    action, _, argument = request.path.partition("?")[0].strip("/").partition("/")
    if action == "status" and argument.isdigit():
        return EchoResponse(int(argument), headers, body)
    if action == "delay":
        return EchoResponse(200, headers, body, delay_seconds=float(argument))
    if action == "reset":
        return EchoResponse(reset="before")
    if action == "reset-in-body":
        return EchoResponse(200, headers, body, reset="within")
    return EchoResponse(200, headers, body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes away is no news for a test."""


class RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes, which Nagle's algorithm would hold back for 40 ms.
    disable_nagle_algorithm = True
    answer: Callable[[EchoRequest], EchoResponse]

    def handle_one(self) -> None:
        request = EchoRequest(self.command, self.path, tuple(self.headers.items()), self.read_body())
        response = self.answer(request)
        time.sleep(response.delay_seconds)
        if response.reset == "before":
            self.reset()
            return
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        if response.reset == "within":
            self.wfile.write(response.body[: len(response.body) // 2])
            self.reset()
        elif self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_one  # noqa: N815

    def read_body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self.chunks())
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return chunks

    def reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Tests read `requests`, not a log."""
