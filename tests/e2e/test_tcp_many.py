"""A thousand idle connections cost little: one timer wakes each for its periodic report, and each keeps few bytes."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference, wait_until
from mizzen.testing.tcp import connect, receive

CONNECTIONS = 1000


@pytest.fixture(scope="module")
def tcp_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"transport": transport, "report_interval": "1s"}


def test_a_thousand_idle_connections_report_periodically(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(tcp_proxy.tcp_address)) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.sendall(b"x")
        assert {receive(connection, 1) for connection in connections} == {b"x"}
        wait_until(lambda: count(quiet_mixer)["open"] == CONNECTIONS, "the opening reports", 30.0)
        quiet_mixer.report_calls.clear()
        before = envoy_seconds(tcp_proxy)
        started = time.monotonic()
        wait_until(lambda: count(quiet_mixer)["continue"] >= 3 * CONNECTIONS, "three reports of each", 30.0)
        elapsed = time.monotonic() - started
        used = envoy_seconds(tcp_proxy) - before
        per_connection = Counter(bag["connection.id"] for bag in quiet_mixer.reports)
    assert len(per_connection) == CONNECTIONS
    # three periods, whatever of a second the connections were in, on a machine that has other work too
    assert 1.9 < elapsed < 10.0
    assert max(per_connection.values()) <= elapsed + 2
    # measured: about 0.01 s of processor time for each second, reports and their sending included
    assert used < 0.3 * elapsed
    wait_until(lambda: count(quiet_mixer)["close"] == CONNECTIONS, "the closing reports", 30.0)


def test_a_thousand_idle_connections_take_little_memory(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(uses=-1, valid_for=20, references=[Reference("source.ip")])
    with ExitStack() as stack:

        def open_more(number: int) -> None:
            for _ in range(number):
                connection = stack.enter_context(connect(tcp_proxy.tcp_address))
                connection.sendall(b"x")
                assert receive(connection, 1) == b"x"

        open_more(50)
        before = envoy_kibibytes(tcp_proxy)
        open_more(CONNECTIONS)
        each = (envoy_kibibytes(tcp_proxy) - before) / CONNECTIONS
    # measured: 25, of which Envoy takes 22 itself for the two connections
    assert each < 40


def count(mixer: FakeMixer) -> Counter[object]:
    return Counter(bag["connection.event"] for bag in mixer.reports)


def envoy_folder(proxy: ProxyProcess) -> Path:
    """What the kernel tells of the proxy's Envoy, its only child."""
    parent = proxy.child.pid
    return Path("/proc") / Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0]


def envoy_seconds(proxy: ProxyProcess) -> float:
    """Processor time that Envoy has used so far."""
    fields = (envoy_folder(proxy) / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def envoy_kibibytes(proxy: ProxyProcess) -> int:
    """Memory that Envoy holds."""
    lines = (envoy_folder(proxy) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
