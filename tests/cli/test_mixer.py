from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog

from mizzen.testing import MixerProcess, send, wait_until
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

from .command import mizzen

RULE = """\
{{kind: rule, metadata: {{name: r}}, spec: {{actions: [{{handler: h.denier, instances: [n.checknothing]}}]}}}}
---
{{kind: denier, metadata: {{name: h}}, spec: {{status: {{code: {code}}}}}}}
---
{{kind: checknothing, metadata: {{name: n}}}}
"""


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Verbs that end early are run in this process, and set its log up."""
    yield
    structlog.reset_defaults()


def code_of(mixer: MixerProcess, identity: str = "") -> int:
    """The decision on a request without attributes."""
    with grpc.insecure_channel(str(mixer.address)) as channel:
        request = mixer_pb2.CheckRequest(deduplication_id=identity)
        response = mixer_pb2_grpc.MixerStub(channel).Check(request, timeout=10)
        code: int = response.precondition.status.code
        return code


def page(mixer: MixerProcess, path: str) -> str:
    return send(mixer.monitoring, path).text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_status_zero(number: signal.Signals) -> None:
    with MixerProcess({"a.yaml": RULE.format(code=7)}) as mixer:
        assert code_of(mixer) == 7
        assert mixer.stop(number) == 0
        assert len(mixer.child.lines) == 1
        assert "Traceback" not in mixer.log


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
def with_a_hanging_call(adapters: Path, *arguments: str) -> Iterator[MixerProcess]:
    """A Mixer whose adapter answers a Check only after a minute."""
    (adapters / "hanging.py").write_text(HANGING)
    with (
        MixerProcess({"a.yaml": HANGING_RULE}, ["--adapter-dir", str(adapters), *arguments]) as mixer,
        grpc.insecure_channel(str(mixer.address)) as channel,
    ):
        call = mixer_pb2_grpc.MixerStub(channel).Check.future(mixer_pb2.CheckRequest(), timeout=60)
        wait_until(lambda: "mizzen_mixer_front_calls_total 1.0" in page(mixer, "/metrics"), "the call")
        assert not call.done()
        yield mixer


def test_an_adapter_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    with with_a_hanging_call(tmp_path, "--drain-timeout", "200ms") as mixer:
        mixer.send_signal(signal.SIGTERM)
        assert mixer.wait(15) == 0


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    with with_a_hanging_call(tmp_path, "--drain-timeout", "50s") as mixer:
        mixer.send_signal(signal.SIGTERM)
        wait_until(lambda: "draining" in mixer.log, "the drain")
        mixer.send_signal(signal.SIGTERM)
        assert mixer.wait(5) == 128 + signal.SIGTERM


def test_the_log_level_changes_at_run_time() -> None:
    with MixerProcess({}, ["--log-level", "error"]) as mixer:
        assert page(mixer, "/logging") == "error\n"
        assert send(mixer.monitoring, "/logging?level=info", method="PUT").text == "info\n"
        assert send(mixer.monitoring, "/logging?level=loud", method="PUT").status == 400
        mixer.save("a.yaml", RULE.format(code=7))
        wait_until(lambda: "configuration in force" in mixer.log, "the new configuration")


def test_calls_beyond_the_rate_are_shed() -> None:
    flags = ["--load-shedding-mode", "enforce", "--max-requests-per-second", "0.001", "--burst-size", "1"]
    with MixerProcess({}, flags) as mixer:
        assert code_of(mixer) == 0
        with pytest.raises(grpc.RpcError, match="currently overloaded") as raised:
            code_of(mixer)
        error: Any = raised.value
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert 'loadshedding_requests_throttled_total{evaluator="rate"} 1.0' in page(mixer, "/metrics")


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


def test_faults_at_the_start_and_later_are_logged_and_the_last_good_stays() -> None:
    policies = {"a.yaml": RULE.format(code=7), "b.yaml": "{kind: rule, metadata: {name: s}, spec: {macth: x}}"}
    with MixerProcess(policies, ["--log-format", "json"]) as mixer:
        assert code_of(mixer) == 7
        mixer.save("a.yaml", RULE.format(code="seven"))
        wait_until(lambda: len(json.loads(page(mixer, "/config"))["errors"]) == 2, "the second fault")
        assert code_of(mixer) == 7
        mixer.save("a.yaml", RULE.format(code=16))
        wait_until(lambda: code_of(mixer) == 16, "the corrected policy")
        entries = [json.loads(line) for line in mixer.log.splitlines()]
    faults = [(entry["at"], entry["field"]) for entry in entries if entry["level"] == "error"]
    folder = mixer.policies
    assert faults == [(f"{folder}/b.yaml:1:42", "spec.macth"), (f"{folder}/a.yaml:3:59", "spec.status.code")]


def test_the_spellings_of_the_original_mean_the_same() -> None:
    flags = ["--loadsheddingMode", "enforce", "--maxRequestsPerSecond", "0.001", "--burstSize", "1"]
    flags += ["--monitoringPort", "0", "--maxMessageSize", "100", "--configDefaultNamespace", "other"]
    policies = {"a.yaml": RULE.format(code=7).replace("metadata: {name: ", "metadata: {namespace: other, name: ")}
    with MixerProcess(policies, flags) as mixer:
        assert code_of(mixer) == 7
        with pytest.raises(grpc.RpcError, match="currently overloaded"):
            code_of(mixer)
        with pytest.raises(grpc.RpcError, match="limit"):
            code_of(mixer, "x" * 200)


def test_an_address_may_be_a_socket_for_one_process_alone(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = f"unix://{folder}/mixer.sock"
        with MixerProcess({"a.yaml": RULE.format(code=7)}, ["--address", place, "--socket-mode", "660"]) as mixer:
            assert stat.S_IMODE((Path(folder) / "mixer.sock").stat().st_mode) == 0o660
            assert mizzen("check", "-m", place).returncode == 3
            assert page(mixer, "/readyz") == "ready\n"
        found = mizzen("mixer", "--config-dir", str(tmp_path), "--address", place, "--workers", "2")
        assert (found.returncode, "accepted: --workers 1" in found.stderr) == (2, True)


@pytest.mark.parametrize("flags", [["--address", "localhost"], ["--address", "unix:x"], ["--socket-mode", "888"]])
def test_an_address_that_is_none_is_a_usage_error(tmp_path: Path, flags: list[str]) -> None:
    found = mizzen("mixer", "--config-dir", str(tmp_path), *flags)
    assert (found.returncode, "accepted: " in found.stderr) == (2, True)


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
            command = [sys.executable, "-m", "mizzen", "mixer", "--config-dir", str(tmp_path), *ports]
            found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert found.returncode == 1
            assert port in found.stderr
            assert "Traceback" not in found.stderr


def test_tls_needs_certificate_and_key(tmp_path: Path) -> None:
    found = mizzen("mixer", "--config-dir", str(tmp_path), "--tls-key", "k")
    assert found.returncode == 2
    assert found.stderr == "mizzen mixer: TLS needs both --tls-certificate and --tls-key\n"
