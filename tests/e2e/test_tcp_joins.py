"""Connections whose Check would be the same wait for one answer."""

from __future__ import annotations

import socket
import time

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference
from mizzen.testing.tcp import break_off, connect, receive

COUNTERS = "mizzen.tcp_mixer_filter."
SOURCE = [Reference("source.ip")]


@pytest.fixture
def primed_mixer(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> FakeMixer:
    """The filter knows that decisions depend on the source alone, and remembers none."""
    quiet_mixer.on_check = CheckAnswer(uses=99, valid_for=0.01, references=SOURCE)
    talk(tcp_proxy)
    time.sleep(0.1)
    quiet_mixer.forget()
    return quiet_mixer


def talk(proxy: ProxyProcess) -> None:
    with connect(proxy.tcp_address) as connection:
        connection.sendall(b"x")
        assert receive(connection, 1) == b"x"


def connect_all(proxy: ProxyProcess, count: int) -> list[socket.socket]:
    connections = [connect(proxy.tcp_address) for _ in range(count)]
    for connection in connections:
        connection.sendall(b"y")
    return connections


def answers(connections: list[socket.socket]) -> list[bytes]:
    received = []
    for connection in connections:
        try:
            received.append(receive(connection, 1))
        except ConnectionResetError:
            received.append(b"")
        connection.close()
    return received


@pytest.mark.parametrize("code", [0, 7])
def test_one_answer_decides_all(code: int, tcp_proxy: ProxyProcess, primed_mixer: FakeMixer) -> None:
    before = tcp_proxy.stats(COUNTERS)
    primed_mixer.on_check = CheckAnswer(code, uses=99, valid_for=0.2, delay=0.3, references=SOURCE)
    connections = connect_all(tcp_proxy, 8)
    assert answers(connections) == [b"" if code else b"y"] * 8
    assert len(primed_mixer.checks) == 1
    tcp_proxy.wait_for_stats({COUNTERS + "total_check_joins": 7, COUNTERS + "total_check_join_misses": 0}, before)
    time.sleep(0.2)


def test_when_the_asking_connection_breaks_off_another_one_asks(
    tcp_proxy: ProxyProcess, primed_mixer: FakeMixer
) -> None:
    primed_mixer.on_check = CheckAnswer(uses=99, valid_for=0.2, delay=0.5, references=SOURCE)
    first = connect(tcp_proxy.tcp_address)
    first.sendall(b"y")
    primed_mixer.wait_for_checks(1)
    before = tcp_proxy.stats(COUNTERS)
    others = connect_all(tcp_proxy, 4)
    tcp_proxy.wait_for_stats({COUNTERS + "total_check_joins": 4}, before)
    break_off(first)
    assert answers(others) == [b"y"] * 4
    assert len(primed_mixer.checks) == 2
