"""One HTTP/1.1 request on a connection of its own, with nothing added or hidden."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from dataclasses import dataclass

from mizzen.agent.address import HostPort

Headers = Sequence[tuple[str, str]]
TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class HttpResponse:
    """Status, header lines as received (repeated ones apart), and the whole body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        """The last value of the header, whatever its case."""
        values = self.headers_named(name)
        return values[-1] if values else None

    def headers_named(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def send(
    address: HostPort, path: str = "/", *, method: str = "GET", headers: Headers = (), body: bytes | None = None
) -> HttpResponse:
    """Send one request and read the answer; `host` is added unless given, `content-length` when there is a body.

    A connection that ends early raises `http.client.HTTPException` or `OSError`, as does no answer within 20 s.
    """
    connection = http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_SECONDS)
    names = {name.lower() for name, _ in headers}
    try:
        connection.putrequest(method, path, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return HttpResponse(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()
