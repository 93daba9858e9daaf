"""Real servers for adapters that speak to one: Redis, and HTTP with scripted answers."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from mizzen.testing import EchoBackend, EchoRequest, EchoResponse, wait_until

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
        self.server = EchoBackend(self.respond)
        self.url = f"http://{self.server.address}"

    def respond(self, received: EchoRequest) -> EchoResponse:
        headers = {name.lower(): value for name, value in received.headers}
        request = HttpRequest(received.method, received.path, headers, received.body)
        self.requests.append(request)
        answer = self.answer(request)
        return EchoResponse(answer.status, tuple(answer.headers.items()), answer.body)


@pytest.fixture
def http_script() -> Iterator[HttpScript]:
    script = HttpScript()
    with script.server:
        yield script
