"""`mizzen proxy --tcp-port` as a command, and the TCP filter's configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mizzen.agent.envoy import packaged_envoy
from mizzen.testing import ChildError, EchoBackend, FakeMixer, ProxyProcess, send
from mizzen.testing.tcp import connect, receive_all

COUNTERS = "mizzen.tcp_mixer_filter."


def mizzen(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mizzen", "proxy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_configuration_connections_are_checked_and_reported(backend: EchoBackend, mixer: FakeMixer) -> None:
    mixer.forget()
    with ProxyProcess(backend.address, mixer.address, tcp_port=0, client=True) as process:
        with connect(process.tcp_address) as connection:
            connection.sendall(b"GET /bytes HTTP/1.0\r\n\r\n")
            assert receive_all(connection).startswith(b"HTTP/1.")
        assert send(process.address, "/http").status == 200
        process.stop()
    assert sorted(str(check.attributes["context.protocol"]) for check in mixer.checks) == ["http", "tcp"]
    assert {check.attributes["context.reporter.kind"] for check in mixer.checks} == {"inbound"}
    assert [bag["connection.event"] for bag in mixer.reports if "connection.event" in bag] == ["open", "close"]


def test_both_filters_count_apart(backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address, tcp_port=0) as process:
        http = {name.rpartition(".")[2] for name in process.stats("mizzen.http_mixer_filter.")}
        tcp = {name.rpartition(".")[2] for name in process.stats(COUNTERS)}
        assert http - tcp == {"total_hook_failures"}
        assert tcp - http == set()
        with connect(process.tcp_address) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            receive_all(connection)
        process.wait_for_stats({COUNTERS + "total_check_calls": 1, COUNTERS + "total_report_calls": 2})
        assert process.stats()["mizzen.http_mixer_filter.total_check_calls"] == 0
        assert "envoy_mizzen_tcp_mixer_filter_total_check_calls{" in process.admin.get("/stats/prometheus")


def test_reports_and_checks_can_be_switched_off(backend: EchoBackend, mixer: FakeMixer) -> None:
    mixer.forget()
    config = {"disable_check_calls": True, "disable_report_calls": True}
    with ProxyProcess(backend.address, mixer.address, tcp_port=0, tcp_filter_config=config) as process:
        with connect(process.tcp_address) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert receive_all(connection).startswith(b"HTTP/1.")
        assert not any(process.stats(COUNTERS).values())
        process.stop()
    assert (mixer.checks, mixer.reports) == ([], [])


def test_the_printed_configuration_is_one_that_envoy_takes(tmp_path: Path) -> None:
    result = mizzen("--print", "-p", "0", "--tcp-port", "0", "--client-port", "0")
    assert (result.returncode, result.stderr) == (0, "")
    path = tmp_path / "envoy.yaml"
    path.write_text(result.stdout)
    check = [str(packaged_envoy()), "--mode", "validate", "-c", str(path), "-l", "error", "--disable-hot-restart"]
    assert subprocess.run(check, capture_output=True, text=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "field", "more"),
    [
        ("check_on_connect: maybe\n", "check_on_connect", [":1:", "maybe", "true"]),
        ("transport: {}\nreport_interval: soon\n", "report_interval", [":2:", "soon"]),
        ("\ndisable_check_call: true\n", "disable_check_call", [":2:", "disable_check_calls"]),
        ("connectionQuotaSpec:\n  rules:\n  - quotas:\n    - quota: [a]\n", "quota", [":4:"]),
    ],
)
def test_a_bad_configuration_is_refused_with_file_line_field_value_and_accepted(
    text: str, field: str, more: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "tcp.yaml"
    path.write_text(text)
    result = mizzen("--tcp-port", "0", "--tcp-filter-config", str(path), "-p", "0", "--admin-port", "0")
    assert result.returncode == 1
    for part in [str(path), field, "accepted", *more]:
        assert part in result.stderr


def test_envoy_refuses_a_bad_configuration_in_an_own_template_by_field(backend: EchoBackend, mixer: FakeMixer) -> None:
    template = Path(__file__).with_name("tcp_tls.yaml").read_text()
    certificates = str(Path(__file__).with_name("certificates"))
    broken = template.replace("CERTIFICATES", certificates).replace(
        "- ${MIXER_TCP_FILTER}", '- ${MIXER_TCP_FILTER.replace("inbound\\"", "inbound\\", \\"int64_value\\": 7")}'
    )
    process = ProxyProcess(backend.address, mixer.address, tcp_port=0, template=broken)
    with pytest.raises(ChildError, match="TCP filter is refused: mixer_attributes"), process:
        pass
