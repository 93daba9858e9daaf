"""`mizzen mixer --workers` as a process."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx

from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

READY = re.compile(r"mizzen mixer: serving gRPC on 127\.0\.0\.1:(\d+), monitoring on (http://127\.0\.0\.1:\d+)\n")
PATIENCE = 20.0


def command(directory: Path, workers: int = 2, *more: str) -> list[str]:
    arguments = ["--config-dir", str(directory), "--port", "0", "--monitoring-port", "0", "--workers", str(workers)]
    return [sys.executable, "-m", "mizzen", "mixer", *arguments, *more]


class Parent:
    """A running parent with its workers."""

    def __init__(self, process: subprocess.Popen[str], port: int, monitoring: str, log: Path) -> None:
        self.process = process
        self.log = log
        self.port = port
        self.monitoring = monitoring

    def check(self) -> tuple[int, str]:
        """Code and generation, asked over a connection of its own."""
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            response, call = mixer_pb2_grpc.MixerStub(channel).Check.with_call(
                mixer_pb2.CheckRequest(), timeout=PATIENCE, wait_for_ready=True
            )
            return response.precondition.status.code, str(dict(call.initial_metadata())["mizzen-generation"])

    def metrics(self) -> str:
        return httpx.get(f"{self.monitoring}/metrics", timeout=PATIENCE).text

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running(directory: Path, workers: int = 2, *more: str) -> Iterator[Parent]:
    with (
        (directory.parent / "log").open("w") as log,
        subprocess.Popen(command(directory, workers, *more), stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = READY.fullmatch(process.stdout.readline())
            assert ready
            yield Parent(process, int(ready[1]), ready[2], directory.parent / "log")
        finally:
            process.kill()


def configured(tmp_path: Path, text: str) -> Path:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "a.yaml").write_text(text)
    return directory
