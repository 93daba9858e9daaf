from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

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

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def put(self, path: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self.monitoring}{path}", method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 (our own address)
            text: str = answer.read().decode()
            return text

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


HANGING = """\
import time
from mizzen.sdk import Adapter, CheckResult

class Hanging(Adapter):
    name = "hanging"
    templates = frozenset(["checknothing"])
    blocking = True

    def check(self, instance):
        time.sleep(60)
        return CheckResult()
"""
HANGING_RULE = """\
{kind: handler, metadata: {name: h}, spec: {compiledAdapter: hanging, calls: {timeout: 50s}}}
---
{kind: rule, metadata: {name: r}, spec: {actions: [{handler: h, instances: [n.checknothing]}]}}
---
{kind: checknothing, metadata: {name: n}}
"""


@contextmanager
def with_a_hanging_call(tmp_path: Path, *arguments: str) -> Iterator[Mixer]:
    """A Mixer whose adapter answers a Check only after a minute."""
    directory, adapters = tmp_path / "config", tmp_path / "adapters"
    directory.mkdir()
    adapters.mkdir()
    (adapters / "hanging.py").write_text(HANGING)
    (directory / "a.yaml").write_text(HANGING_RULE)
    with (
        running(directory, tmp_path / "log", "--adapter-dir", str(adapters), *arguments) as mixer,
        grpc.insecure_channel(f"127.0.0.1:{mixer.port}") as channel,
    ):
        call = mixer_pb2_grpc.MixerStub(channel).Check.future(mixer_pb2.CheckRequest(), timeout=60)
        deadline = time.monotonic() + 10
        while "mizzen_mixer_front_calls_total 1.0" not in mixer.page("/metrics"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not call.done()
        yield mixer


def test_an_adapter_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    with with_a_hanging_call(tmp_path, "--drain-timeout", "200ms") as mixer:
        mixer.process.send_signal(signal.SIGTERM)
        assert mixer.process.wait(15) == 0


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    with with_a_hanging_call(tmp_path, "--drain-timeout", "50s") as mixer:
        mixer.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        while "draining" not in mixer.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        mixer.process.send_signal(signal.SIGTERM)
        assert mixer.process.wait(5) == 128 + signal.SIGTERM


def test_the_log_level_changes_at_run_time(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    with running(directory, tmp_path / "log", "--log-level", "error") as mixer:
        assert mixer.page("/logging") == "error\n"
        assert mixer.put("/logging?level=info") == "info\n"
        with pytest.raises(urllib.error.HTTPError, match="400"):
            mixer.put("/logging?level=loud")
        (directory / "a.yaml").write_text(RULE.format(code=7))
        deadline = time.monotonic() + 10
        while "configuration in force" not in mixer.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_calls_beyond_the_rate_are_shed(tmp_path: Path) -> None:
    directory = tmp_path / "config"
    directory.mkdir()
    flags = ["--load-shedding-mode", "enforce", "--max-requests-per-second", "0.001", "--burst-size", "1"]
    with running(directory, tmp_path / "log", *flags) as mixer:
        assert mixer.code() == 0
        with pytest.raises(grpc.RpcError, match="currently overloaded") as raised:
            mixer.code()
        error: Any = raised.value
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert 'loadshedding_requests_throttled_total{evaluator="rate"} 1.0' in mixer.page("/metrics")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--drain-timeout", "soon"),
        ("--max-requests-per-second", "-1"),
        ("--load-shedding-mode", "on"),
        ("--burst-size", "few"),
    ],
)
def test_a_wrong_value_names_flag_value_and_what_is_accepted(tmp_path: Path, flag: str, value: str) -> None:
    found = mizzen("mixer", "--config-dir", str(tmp_path), flag, value)
    assert found.returncode == 2
    for part in (flag, value):
        assert part in found.stderr


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
