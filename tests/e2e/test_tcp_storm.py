"""Connections of all kinds at once, on two workers: each is reported to its end, and every byte is counted once."""

from __future__ import annotations

import random
import socket
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference
from mizzen.testing.bags import Attributes
from mizzen.testing.mixer import ReceivedCheck
from mizzen.testing.tcp import TcpBackend, break_off, connect, receive, receive_all

CONNECTIONS = 300
ENDS = ["end", "end", "end", "break off", "close", "silence"]


def decide(check: ReceivedCheck) -> CheckAnswer:
    """Slow, quick, to be remembered, or a refusal, by the number of the connection."""
    number = int(str(check.attributes["connection.id"]).rpartition("-")[2])
    code = 7 if number % 5 == 0 else 0
    return CheckAnswer(code, delay=(number % 7) * 0.01, uses=number % 3, references=[Reference("source.ip")])


def one_client(proxy: ProxyProcess, seed: int) -> tuple[str, bytes]:
    """Play one client; returns how it ended and what it sent, if it saw all of that come back."""
    chance = random.Random(seed)
    kind = chance.choice(ENDS)
    sent = chance.randbytes(chance.randrange(1, 20_000))
    connection = connect(proxy.tcp_address)
    with connection, suppress(ConnectionError):
        if kind == "silence":
            return kind, b""
        cut = chance.randrange(len(sent))
        connection.sendall(sent[:cut])
        connection.sendall(sent[cut:])
        if kind == "break off":
            break_off(connection)
            return kind, b""
        if kind == "close":
            return kind, b""
        if receive(connection, len(sent)) == sent:
            connection.shutdown(socket.SHUT_WR)
            assert receive_all(connection) == b"bye"
            return kind, sent
    return "refused", b""


@pytest.mark.parametrize("on_connect", [False, True])
def test_every_connection_has_one_end_and_exact_counts(
    on_connect: bool, tcp_backend: TcpBackend, mixer: FakeMixer, transport: Mapping[str, Any]
) -> None:
    mixer.on_check = decide
    mixer.forget()
    config = {"transport": transport, "check_on_connect": on_connect, "report_interval": "1s"}
    with ProxyProcess(
        tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config=config, concurrency=2
    ) as process:
        with ThreadPoolExecutor(24) as clients:
            results = list(clients.map(lambda seed: one_client(process, seed), range(CONNECTIONS)))
        assert process.stop() == 0
    reports: dict[object, list[Attributes]] = defaultdict(list)
    for bag in mixer.reports:
        reports[bag["connection.id"]].append(bag)
    assert len(reports) == CONNECTIONS
    for bags in reports.values():
        events = [bag["connection.event"] for bag in bags]
        assert events[-1] == "close"
        assert events.count("close") == 1
        assert events.count("open") == int("check.error_code" not in bags[-1] and len(bags) > 1)
    whole = sorted(len(sent) for kind, sent in results if kind == "end")
    assert len(whole) > CONNECTIONS / 10
    told = [bags[-1] for bags in reports.values() if bags[-1]["connection.sent.bytes_total"]]
    counts = [(bag["connection.received.bytes_total"], bag["connection.sent.bytes_total"]) for bag in told]
    for length in whole:
        counts.remove((length, length + len(b"bye")))


def test_no_hook_has_failed_in_the_storm(
    tcp_backend: TcpBackend, mixer: FakeMixer, transport: Mapping[str, Any]
) -> None:
    mixer.on_check = decide
    with ProxyProcess(
        tcp_backend.address, mixer.address, tcp_port=0, tcp_filter_config={"transport": transport}, concurrency=2
    ) as process:
        with ThreadPoolExecutor(24) as clients:
            list(clients.map(lambda seed: one_client(process, seed), range(CONNECTIONS, 2 * CONNECTIONS)))
        stats = process.stats()
        assert stats["mizzen.http_mixer_filter.total_hook_failures"] == 0
        log = process.log
    assert "mizzen" not in log
