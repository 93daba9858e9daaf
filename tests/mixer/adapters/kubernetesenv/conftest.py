"""An API server that speaks the list and watch API of Kubernetes: versions, pages, bookmarks, 410, time-outs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

PATHS = {
    "/api/v1/pods": ("Pod", "v1"),
    "/apis/apps/v1/replicasets": ("ReplicaSet", "apps/v1"),
    "/api/v1/replicationcontrollers": ("ReplicationController", "v1"),
    "/api/v1/namespaces/istio-system/secrets": ("Secret", "v1"),
}
TOKEN = "token-of-the-mixer"  # noqa: S105


class KubernetesServer:
    """Objects by path and name, a version that counts every change, and the history that watches are served from."""

    def __init__(self, port: int = 0) -> None:
        self.changed = threading.Condition()
        self.version = 100
        self.objects: dict[str, dict[str, Any]] = {path: {} for path in PATHS}
        self.history: list[tuple[int, str, str, Any]] = []
        self.oldest = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.refused: dict[str, int] = {}
        self.cuts = 0
        self.page = 2
        self.stopped = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                cuts = server.cuts
                server.requests.append((parts.path, query))
                if self.headers["authorization"] != f"Bearer {TOKEN}":
                    self.answer(401, status_of(401, "Unauthorized"))
                elif parts.path in server.refused:
                    code = server.refused[parts.path]
                    self.answer(code, status_of(code, "told to refuse"))
                elif parts.path not in PATHS:
                    self.answer(404, status_of(404, "not found"))
                elif query.get("watch") == "true":
                    self.watch(parts.path, query, cuts)
                else:
                    self.answer(200, server.list(parts.path, query))

            def answer(self, status: int, document: Any) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def watch(self, path: str, query: dict[str, str], cuts: int) -> None:
                version = int(query["resourceVersion"])
                if version < server.oldest:
                    self.answer(410, status_of(410, f"too old resource version: {version}"))
                    return
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                try:
                    for event in server.events(path, version, float(query["timeoutSeconds"]), cuts):
                        data = json.dumps(event).encode() + b"\n"
                        half = len(data) // 2  # an event need not arrive in one piece
                        for piece in (data[:half], data[half:]):
                            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                            self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")
                except (ConnectionError, CutError):
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing is printed."""

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def list(self, path: str, query: dict[str, str]) -> Any:
        """A page of the objects, as many as `page` where the client sets a limit."""
        with self.changed:
            items = [self.objects[path][name] for name in sorted(self.objects[path])]
            start = int(query.get("continue", "0"))
            end = start + self.page if "limit" in query else len(items)
            metadata = {"resourceVersion": str(self.version)}
            if end < len(items):
                metadata["continue"] = str(end)
            return {"kind": f"{PATHS[path][0]}List", "metadata": metadata, "items": items[start:end]}

    def events(self, path: str, version: int, seconds: float, cuts: int) -> Iterator[Any]:
        end = time.monotonic() + seconds
        while True:
            with self.changed:
                ready = [entry for entry in self.history if entry[0] > version and entry[1] == path]
                if not ready:
                    left = end - time.monotonic()
                    if left <= 0 or self.stopped:
                        return
                    if cuts != self.cuts:
                        raise CutError
                    self.changed.wait(min(left, 1.0))
                    continue
            for _, _, kind, item in ready:
                yield {"type": kind, "object": item}
            version = ready[-1][0]

    def put(self, path: str, item: Any) -> None:
        with self.changed:
            name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            kind = "MODIFIED" if name in self.objects[path] else "ADDED"
            self.objects[path][name] = self.record(path, kind, item)

    def delete(self, path: str, name: str) -> None:
        with self.changed:
            self.record(path, "DELETED", self.objects[path].pop(name))

    def bookmark(self, path: str) -> None:
        """What a server sends from time to time: the present version without an object."""
        with self.changed:
            self.record(path, "BOOKMARK", {"metadata": {}})

    def record(self, path: str, kind: str, item: Any) -> Any:
        self.version += 1
        metadata = {**item["metadata"], "resourceVersion": str(self.version)}
        stored = {"kind": PATHS[path][0], "apiVersion": PATHS[path][1], **item, "metadata": metadata}
        self.history.append((self.version, path, kind, stored))
        self.changed.notify_all()
        return stored

    def fail_watches(self, path: str, code: int) -> None:
        """An ERROR event, which ends a watch."""
        with self.changed:
            self.version += 1
            self.history.append((self.version, path, "ERROR", status_of(code, "told to fail")))
            self.changed.notify_all()

    def forget(self) -> None:
        """The history is compacted: versions seen so far are too old."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.history.clear()

    def cut(self) -> None:
        """Every watch breaks in the middle."""
        with self.changed:
            self.cuts += 1
            self.changed.notify_all()

    def queries(self, path: str, watch: bool) -> Any:
        return [query for place, query in self.requests if place == path and ("watch" in query) == watch]

    def kubeconfig(self, token: str = TOKEN) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "mixer", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "mixer"}}],
        }

    def write_kubeconfig(self, folder: Path, token: str = TOKEN) -> str:
        path = folder / f"kubeconfig-{self.port}"
        path.write_text(yaml.safe_dump(self.kubeconfig(token)))
        return str(path)

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


class CutError(Exception):
    """A watch ends without its last chunk."""


def status_of(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


@pytest.fixture
def kubernetes_server() -> Iterator[KubernetesServer]:
    server = KubernetesServer()
    yield server
    server.stop()
