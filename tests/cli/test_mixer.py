from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import grpc
import pytest

from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

READY = re.compile(
    r"mizzen mixer: serving gRPC on 127\.0\.0\.1:(?P<port>\d+), monitoring on http://127\.0\.0\.1:(?P<monitoring>\d+)\n"
)
RULE = """\
{{kind: rule, metadata: {{name: r}}, spec: {{actions: [{{handler: h.denier, instances: [n.checknothing]}}]}}}}
---
{{kind: denier, metadata: {{name: h}}, spec: {{status: {{code: {code}}}}}}}
---
{{kind: checknothing, metadata: {{name: n}}}}
"""


def mizzen(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mizzen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Mixer:
    """A running `mizzen mixer`."""

    def __init__(self, process: subprocess.Popen[str], port: int, monitoring: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.monitoring = monitoring
        self.log = log

    def code(self) -> int:
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            response = mixer_pb2_grpc.MixerStub(channel).Check(mixer_pb2.CheckRequest(), timeout=10)
            code: int = response.precondition.status.code
            return code

    def config(self) -> dict[str, list[dict[str, str]]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring}/config", timeout=5) as answer:
            found: dict[str, list[dict[str, str]]] = json.load(answer)
            return found


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@contextmanager
def running(directory: Path, log: Path, *arguments: str) -> Iterator[Mixer]:
    command = [sys.executable, "-m", "mizzen", "mixer", "--config-dir", str(directory), "--port", "0"]
    command += ["--monitoring-port", "0", *arguments]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            line = line_of(process.stdout)
            ready = READY.fullmatch(line)
            assert ready, line + log.read_text()
            yield Mixer(process, int(ready["port"]), int(ready["monitoring"]), log)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_status_zero(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "a.yaml").write_text(RULE.format(code=7))
    with running(directory, tmp_path / "log") as mixer:
        assert mixer.code() == 7
        mixer.process.send_signal(number)
        assert mixer.process.wait(20) == 0
        assert line_of(mixer.process.stdout) == ""
    assert "Traceback" not in mixer.log.read_text()


def test_faults_at_the_start_and_later_are_logged_and_the_last_good_stays(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    file = directory / "a.yaml"
    file.write_text(RULE.format(code=7))
    (directory / "b.yaml").write_text("{kind: rule, metadata: {name: s}, spec: {macth: x}}")
    with running(directory, tmp_path / "log", "--log-format", "json") as mixer:
        assert mixer.code() == 7
        file.write_text(RULE.format(code="seven"))
        deadline = time.monotonic() + 10
        while len(mixer.config()["errors"]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert mixer.code() == 7
        file.write_text(RULE.format(code=16))
        while mixer.code() != 16:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    entries = [json.loads(line) for line in mixer.log.read_text().splitlines()]
    faults = [(entry["at"], entry["field"]) for entry in entries if entry["level"] == "error"]
    assert faults == [(f"{directory}/b.yaml:1:42", "spec.macth"), (f"{file}:3:59", "spec.status.code")]


def test_a_directory_that_cannot_be_used_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nothing", tmp_path / "file"):
        found = mizzen("mixer", "--config-dir", str(path), "--port", "0", "--monitoring-port", "0")
        assert found.returncode == 2
        assert (
            found.stderr == f"mizzen mixer: --config-dir {path}: is not a directory; accepted: an existing directory\n"
        )


def test_a_port_in_use_ends_the_process_with_status_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for ports in (["--port", port, "--monitoring-port", "0"], ["--port", "0", "--monitoring-port", port]):
            found = mizzen("mixer", "--config-dir", str(tmp_path), *ports)
            assert found.returncode == 1
            assert port in found.stderr
            assert "Traceback" not in found.stderr


def test_tls_needs_certificate_and_key(tmp_path: Path) -> None:
    found = mizzen("mixer", "--config-dir", str(tmp_path), "--tls-key", "k")
    assert found.returncode == 2
    assert found.stderr == "mizzen mixer: TLS needs both --tls-certificate and --tls-key\n"
