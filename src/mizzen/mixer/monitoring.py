"""Metrics, health and the configuration in force, over HTTP.

The standard library's threading server is enough here: a few requests a minute from one scraper, on loopback unless
told otherwise. Requests are bounded in time; what can be changed is what `actions` has, and those want PUT or POST.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl, unquote

from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder

_REQUEST_SECONDS = 10.0
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Page:
    """One answer."""

    body: bytes
    content_type: str = _TEXT
    status: HTTPStatus = HTTPStatus.OK


def json_page(value: object) -> Page:
    return Page(json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n", "application/json")


def text_page(text: str, status: HTTPStatus = HTTPStatus.OK) -> Page:
    return Page(text.encode() + b"\n", status=status)


MakePage = Callable[[str], Page]
"""Makes a page; is given the request's Accept header, or in a folder the name asked for. Called on a thread of the
monitoring server."""


Action = Callable[[Mapping[str, str]], Page]
"""Changes something; is given the query, the last of a repeated name."""


class Registry(Protocol):
    """What has families of metrics."""

    def collect(self) -> Iterable[Metric]: ...


class MergedRegistries:
    """Several registries shown as one: families of one name become one family, as the format demands.

    A series that two registries have is shown as the first one has it.
    """

    def __init__(self, registries: Iterable[Registry]) -> None:
        self._registries = tuple(registries)

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for registry in self._registries:
            for family in registry.collect():
                known = families.get(family.name)
                if known is None:
                    merged = Metric(family.name, family.documentation, family.type, family.unit)
                    merged.samples = list(family.samples)
                    families[family.name] = merged
                elif known.type == family.type:
                    shown = {(sample.name, frozenset(sample.labels.items())) for sample in known.samples}
                    known.samples += [
                        sample
                        for sample in family.samples
                        if (sample.name, frozenset(sample.labels.items())) not in shown
                    ]
        yield from families.values()


def metrics_page(registries: Iterable[Registry], accept: str) -> Page:
    """All registries in the format that `accept` prefers: Prometheus text or OpenMetrics."""
    encode, content_type = choose_encoder(accept)
    return Page(encode(MergedRegistries(registries)), content_type)


class Monitoring:
    """The monitoring server; serves `pages` by path, `folders` by the path's folder, and does `actions` by path."""

    def __init__(
        self,
        pages: Mapping[str, MakePage],
        address: str = "127.0.0.1",
        port: int = 0,
        actions: Mapping[str, Action] | None = None,
        folders: Mapping[str, MakePage] | None = None,
    ) -> None:
        """Binds at once: OSError when the port cannot be had.

        A folder's name ends with a slash; its function is given the rest of the path, decoded.
        """
        server = _server_class(address)
        served = {"pages": dict(pages), "actions": dict(actions or {}), "folders": dict(folders or {})}
        handler = type("PagesHandler", (_Handler,), served)
        try:
            self._server = server((address, port), handler)
        except OSError as error:
            raise OSError(f"cannot listen on {address}:{port}: {error.strerror or error}") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="monitoring", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _server_class(address: str) -> type[ThreadingHTTPServer]:
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True
        block_on_close = False
        allow_reuse_port = False

    return Server


class _Handler(BaseHTTPRequestHandler):
    pages: ClassVar[Mapping[str, MakePage]] = {}
    folders: ClassVar[Mapping[str, MakePage]] = {}
    actions: ClassVar[Mapping[str, Action]] = {}
    timeout = _REQUEST_SECONDS
    server_version = "mizzen"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_PUT(self) -> None:
        self._act()

    def do_POST(self) -> None:
        self._act()

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.split("?", 1)[0]
        folder, slash, name = path.rpartition("/")
        make, argument = self.pages.get(path), self.headers.get("Accept", "")
        if make is None and name:
            make, argument = self.folders.get(folder + slash), unquote(name)
        if make is None:
            known = "\n".join(sorted([*self.pages, *(f"{one}NAME" for one in self.folders)]))
            page = text_page(f"not found; there is:\n{known}", HTTPStatus.NOT_FOUND)
        else:
            try:
                page = make(argument)
            except Exception as error:  # a page must not take the server's thread with it
                page = text_page(f"page failed: {error}", HTTPStatus.INTERNAL_SERVER_ERROR)
        self._send(page, with_body=with_body)

    def _act(self) -> None:
        self.close_connection = True  # a body is not read
        path, _, query = self.path.partition("?")
        act = self.actions.get(path)
        if act is None:
            page = text_page("cannot be changed", HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            try:
                page = act(dict(parse_qsl(query, keep_blank_values=True)))
            except ValueError as error:
                page = text_page(str(error), HTTPStatus.BAD_REQUEST)
        self._send(page, with_body=True)

    def _send(self, page: Page, *, with_body: bool) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(page.body)

    def log_message(self, *_: Any) -> None:
        """Requests of scrapers are not logged."""
