"""A real Redis for the tests that need one, started once on a socket in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def redis_socket(redis_binary: str) -> Iterator[str]:
    """The path of the socket of a Redis that keeps nothing."""
    with tempfile.TemporaryDirectory() as folder:
        socket = str(Path(folder) / "redis.sock")
        command = [redis_binary, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                with Redis(unix_socket_path=socket) as client:
                    wait_until(lambda: answers(client), "redis answers")
                yield socket
            finally:
                process.terminate()


def answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisConnectionError:
        return False
