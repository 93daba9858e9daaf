"""`mizzen proxy` as a command: own templates, refusals, exit statuses, signals."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mizzen.agent.envoy import packaged_envoy
from mizzen.testing import ChildError, EchoBackend, FakeMixer, ProxyProcess, send, wait_until

COMPLETE = """\
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: only
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: only
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 299}}]}
"""


def mizzen(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mizzen", "proxy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_complete_envoy_configuration_is_taken_as_it_is(backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address, template=COMPLETE) as process:
        assert send(process.address).status == 299
        assert process.stop() == 0


def test_the_printed_configuration_is_complete_and_envoy_takes_it(tmp_path: Path) -> None:
    result = mizzen("--print", "-p", "0", "--client-port", "0", "-a", "[::1]:8080", "-m", "mixer.example:9091")
    assert (result.returncode, result.stderr) == (0, "")
    path = tmp_path / "envoy.yaml"
    path.write_text(result.stdout)
    check = [str(packaged_envoy()), "--mode", "validate", "-c", str(path), "-l", "error", "--disable-hot-restart"]
    assert subprocess.run(check, capture_output=True, text=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("name", ["envoy.yaml", "envoy.json"])
def test_the_rendered_configuration_is_written_where_asked(
    name: str, backend: EchoBackend, mixer: FakeMixer, tmp_path: Path
) -> None:
    path = tmp_path / name
    with ProxyProcess(backend.address, mixer.address, arguments=["--config", str(path)]) as process:
        assert send(process.address).status == 200
    text = path.read_text()
    assert '"mixer_server"' in text if name.endswith("json") else "name: mixer_server" in text
    assert not name.endswith("json") or json.loads(text)["node"]["cluster"] == "mizzen"


def test_without_a_filter_config_every_request_is_checked_and_reported(backend: EchoBackend, mixer: FakeMixer) -> None:
    mixer.forget()
    with ProxyProcess(backend.address, mixer.address) as process:
        assert send(process.address, "/default").status == 200
    assert mixer.checks[0].attributes["context.reporter.kind"] == "inbound"
    assert [bag["request.path"] for bag in mixer.reports] == ["/default"]


def test_a_refused_configuration_shows_envoys_own_words(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("static_resources: {clusters: [{name: x, no_such_field: 1}]}\n")
    result = mizzen("-t", str(path))
    assert result.returncode == 1
    assert "no_such_field" in result.stderr
    assert f"rendered from {path}" in result.stderr
    assert result.stdout == ""


BAD_CONFIGS: list[tuple[str, str, list[str]]] = [
    ("transport:\n  check_cluster: [a]\n", "transport.check_cluster", [":2:"]),
    ("default_destination_service: d\ntransprot: {}\n", "transprot", [":2:", "transport"]),
    (
        "transport:\n  network_fail_policy:\n    policy: FAIL_SOMETIMES\n",
        "policy",
        [":3:", "FAIL_SOMETIMES", "FAIL_OPEN", "FAIL_CLOSE"],
    ),
    ("serviceConfigs:\n  d:\n    disableCheckCalls: maybe\n", "isableCheckCalls", [":3:", "maybe", "true"]),
    ("transport:\n  report_batch_max_time: soon\n", "report_batch_max_time", [":2:", "soon"]),
]


@pytest.mark.parametrize(("text", "field", "more"), BAD_CONFIGS, ids=lambda value: str(value)[:20])
def test_a_bad_filter_config_is_refused_with_file_line_field_value_and_accepted(
    text: str, field: str, more: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "filter.yaml"
    path.write_text(text)
    result = mizzen("--filter-config", str(path), "-p", "0", "--admin-port", "0")
    assert result.returncode == 1
    for part in [str(path), field, "accepted", *more]:
        assert part in result.stderr


def test_envoy_refuses_a_bad_filter_config_in_an_own_template_by_name(
    backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    template = Path(__file__).with_name("routes.yaml").read_text()
    broken = template.replace('"disable_check_calls": true', '"disable_check_calls": 7')
    process = ProxyProcess(backend.address, mixer.address, filter_config=filter_config, template=broken)
    with pytest.raises(ChildError, match="disable_check_calls"), process:
        pass


def test_a_taken_port_ends_with_envoys_status_and_words(backend: EchoBackend) -> None:
    result = mizzen("-a", str(backend.address), "--admin-port", str(backend.address.port), "-p", "0")
    assert result.returncode != 0
    assert "Address already in use" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_envoy_with_status_0(number: signal.Signals, backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address) as process:
        assert process.stop(number) == 0


def test_quitting_by_the_admin_interface_ends_the_proxy(backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address) as process:
        process.admin.post("/quitquitquit")
        assert process.wait() == 0


def test_an_envoy_that_is_no_envoy_is_told(tmp_path: Path) -> None:
    result = mizzen("-e", str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (1, "")
    assert "none: cannot be started: No such file or directory" in result.stderr


def test_two_proxies_run_beside_each_other(backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address) as one, ProxyProcess(backend.address, mixer.address) as two:
        assert one.address != two.address
        for process in (one, two):
            assert send(process.address).status == 200


def test_a_second_signal_does_not_wait_for_requests_in_flight(backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address) as process:
        arrived = len(backend.requests)
        with socket.create_connection((process.address.host, process.address.port), timeout=20) as connection:
            connection.sendall(b"GET /delay/4.5 HTTP/1.1\r\nhost: x\r\n\r\n")
            wait_until(lambda: len(backend.requests) > arrived, "the request at the backend")
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: send(process.address).header("connection") == "close", "the draining")
            assert process.stop(signal.SIGTERM) == 0
            assert time.monotonic() - started < 4.0
