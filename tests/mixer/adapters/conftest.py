"""Real servers for adapters that speak to one: Redis, and HTTP with scripted answers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from mizzen.testing import wait_until

ADVICE = "the tests of redisquota start a real Redis: install redis-server (Debian: apt-get install redis-server)"


@pytest.fixture(scope="session")
def redis_binary() -> str:
    found = shutil.which("redis-server")
    if found is None:
        pytest.fail(ADVICE)
    return found


class RedisServers:
    """Starts Redis servers that keep nothing, each in a folder of its own, and stops them at the end."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary = binary
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, config: str = "", client: Redis) -> subprocess.Popen[bytes]:
        """Returns once `client` gets an answer."""
        folder = self.folder / str(len(self.processes))
        folder.mkdir()
        (folder / "redis.conf").write_text(config)
        command = [self.binary, str(folder / "redis.conf"), "--dir", str(folder), "--save", "", *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.processes.append(process)
        with client:
            wait_until(lambda: answers(client), "redis answers")
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait()

    def stop_all(self) -> None:
        for process in self.processes:
            self.stop(process)


@pytest.fixture(scope="session")
def redis_socket(redis_binary: str) -> Iterator[str]:
    """The path of the socket of a Redis for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        servers = RedisServers(redis_binary, Path(folder))
        socket = str(Path(folder) / "redis.sock")
        try:
            servers.start("--port", "0", "--unixsocket", socket, client=Redis(unix_socket_path=socket))
            yield socket
        finally:
            servers.stop_all()


@pytest.fixture
def redis_servers(redis_binary: str, tmp_path: Path) -> Iterator[RedisServers]:
    """For tests that need a Redis of their own."""
    servers = RedisServers(redis_binary, tmp_path)
    yield servers
    servers.stop_all()


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisConnectionError:
        return False


@dataclass
class HttpRequest:
    """A request that the scripted server got; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpAnswer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class HttpScript:
    """An HTTP server on a free port that records requests and answers as `answer` says."""

    def __init__(self) -> None:
        self.answer: Callable[[HttpRequest], HttpAnswer] = lambda request: HttpAnswer()
        self.requests: list[HttpRequest] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                size = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = HttpRequest(self.command, self.path, headers, self.rfile.read(size))
                script.requests.append(request)
                answer = script.answer(request)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing is printed."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that gave up is part of some tests."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def http_script() -> Iterator[HttpScript]:
    script = HttpScript()
    yield script
    script.stop()
