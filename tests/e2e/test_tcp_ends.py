"""How connections end: either side first, both at once, with the data in one go, broken off while the Mixer decides."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference, wait_until
from mizzen.testing.connections import ConnectionServer
from mizzen.testing.tcp import TcpBackend, ask, break_off, connect, receive, receive_all

WORDS = b"all I have to say"


class ParrotThatEndsFirst(ConnectionServer):
    """Says `WORDS` after a moment, ends its side, and takes in what still comes."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0.1
        self.received: list[bytes] = []

    def handler(self, connection: socket.socket) -> Callable[[], object]:
        return partial(self.talk, connection)

    def talk(self, connection: socket.socket) -> None:
        time.sleep(self.moment)
        connection.sendall(WORDS)
        connection.shutdown(socket.SHUT_WR)
        self.received.append(receive_all(connection))


@pytest.fixture(scope="module", params=[False, True], ids=["at the first data", "on connect"])
def on_connect(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def tcp_config(transport: Mapping[str, Any], on_connect: bool) -> Mapping[str, Any]:
    return {"transport": transport, "check_on_connect": on_connect, "report_interval": "100s"}


@pytest.fixture(scope="module")
def tcp_backend() -> Iterator[TcpBackend]:
    with TcpBackend(goodbye=b"bye") as server:
        yield server


@pytest.fixture
def parrot() -> Iterator[ParrotThatEndsFirst]:
    with ParrotThatEndsFirst() as server:
        yield server


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_a_service_that_ends_its_side_first_still_gets_what_the_client_sends(
    delay: float, parrot: ParrotThatEndsFirst, mixer: FakeMixer, tcp_config: Mapping[str, Any]
) -> None:
    mixer.on_check = CheckAnswer(delay=delay)
    mixer.forget()
    with ProxyProcess(parrot.address, mixer.address, tcp_port=0, tcp_filter_config=tcp_config) as process:
        with connect(process.tcp_address) as connection:
            connection.sendall(b"before, ")
            assert receive_all(connection) == WORDS
            connection.sendall(b"after")
            connection.shutdown(socket.SHUT_WR)
            wait_until(lambda: parrot.received, "the end of the connection")
        report = mixer.wait_for_report("connection.event", "close")
    assert parrot.received == [b"before, after"]
    counts = (report["connection.received.bytes_total"], report["connection.sent.bytes_total"])
    assert counts == (len(b"before, after"), len(WORDS))
    assert [bag["connection.event"] for bag in mixer.reports] == ["open", "close"]


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_sides_that_say_everything_at_once_and_end_get_all_of_each_other(
    delay: float, parrot: ParrotThatEndsFirst, mixer: FakeMixer, tcp_config: Mapping[str, Any]
) -> None:
    """Both have ended while the client's data is held for the Mixer; none of it may be lost."""
    count = 3
    mixer.on_check = CheckAnswer(delay=delay)
    mixer.forget()
    with ProxyProcess(parrot.address, mixer.address, tcp_port=0, tcp_filter_config=tcp_config) as process:
        for _ in range(count):
            assert ask(process.tcp_address, b"mine") == WORDS
        wait_until(lambda: len(parrot.received) == len(ends(mixer)) == count, "the end of each connection")
        assert process.stats()["mizzen.http_mixer_filter.total_hook_failures"] == 0
    assert set(parrot.received) == {b"mine"}
    assert set(ends(mixer)) == {(len(b"mine"), len(WORDS))}


def test_a_client_that_begins_when_the_service_has_ended_loses_nothing(
    parrot: ParrotThatEndsFirst, mixer: FakeMixer, tcp_config: Mapping[str, Any]
) -> None:
    parrot.moment = 0
    mixer.on_check = CheckAnswer(delay=0.3)
    mixer.forget()
    with ProxyProcess(parrot.address, mixer.address, tcp_port=0, tcp_filter_config=tcp_config) as process:
        with connect(process.tcp_address) as connection:
            assert receive_all(connection) == WORDS
            connection.sendall(b"first, ")
            mixer.wait_for_checks(1)
            connection.sendall(b"last")
            connection.shutdown(socket.SHUT_WR)
            wait_until(lambda: parrot.received, "the client's words")
        wait_until(lambda: ends(mixer), "the end of the connection")
    assert parrot.received == [b"first, last"]
    assert ends(mixer) == [(len(b"first, last"), len(WORDS))]


def test_a_denied_client_whose_service_has_ended_its_side_is_closed(
    parrot: ParrotThatEndsFirst, mixer: FakeMixer, transport: Mapping[str, Any]
) -> None:
    mixer.on_check = CheckAnswer(7, "no", delay=0.2)
    mixer.forget()
    with ProxyProcess(parrot.address, mixer.address, tcp_port=0, tcp_filter_config={"transport": transport}) as process:
        assert ask(process.tcp_address, b"mine") in (WORDS, b"")
        report = mixer.wait_for_report("connection.event", "close")
        assert report["check.error_code"] == 7
        wait_until(lambda: parrot.received, "the end at the service")
    assert parrot.received == [b""]
    assert ends(mixer) == [(len(b"mine"), len(WORDS))]


def test_what_a_service_says_to_a_silent_client_counts_as_sent(
    parrot: ParrotThatEndsFirst, mixer: FakeMixer, tcp_config: Mapping[str, Any], on_connect: bool
) -> None:
    mixer.on_check = CheckAnswer()
    mixer.forget()
    with ProxyProcess(parrot.address, mixer.address, tcp_port=0, tcp_filter_config=tcp_config) as process:
        with connect(process.tcp_address) as connection:
            assert receive_all(connection) == WORDS
        report = mixer.wait_for_report("connection.event", "close")
    counts = (report["connection.received.bytes_total"], report["connection.sent.bytes_total"])
    assert counts == (0, len(WORDS))
    assert len(mixer.checks) == int(on_connect)


@pytest.mark.parametrize("remembered", [False, True])
def test_data_and_the_end_in_one_go_are_answered_and_counted(
    remembered: bool, tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    references = [Reference("source.ip")]
    quiet_mixer.on_check = CheckAnswer(uses=29 if remembered else 0, references=references)
    for number in range(30):
        assert ask(tcp_proxy.tcp_address, b"x" * (number + 1)) == b"x" * (number + 1) + b"bye"
    wait_until(lambda: len(ends(quiet_mixer)) == 30, "the end of each connection")
    assert sorted(ends(quiet_mixer)) == [(number, number + 3) for number in range(1, 31)]
    assert len(quiet_mixer.checks) == (1 if remembered else 30)


def ends(mixer: FakeMixer) -> list[tuple[Any, Any]]:
    """Received and sent, of each connection that is over."""
    names = ("connection.received.bytes_total", "connection.sent.bytes_total")
    return [(bag[names[0]], bag[names[1]]) for bag in mixer.reports if bag["connection.event"] == "close"]


def test_both_sides_breaking_off_at_once_is_one_end(
    tcp_proxy: ProxyProcess, tcp_backend: TcpBackend, quiet_mixer: FakeMixer
) -> None:
    for _ in range(10):
        connection = connect(tcp_proxy.tcp_address)
        connection.sendall(b"hello")
        assert receive(connection, 5) == b"hello"
        break_off(connection)
        tcp_backend.reset()
    wait_until(lambda: len(ends(quiet_mixer)) == 10, "the end of each connection")
    assert set(ends(quiet_mixer)) == {(5, 5)}
    assert len({bag["connection.id"] for bag in quiet_mixer.reports}) == 10
    assert tcp_proxy.stats()["mizzen.http_mixer_filter.total_hook_failures"] == 0


def test_a_client_that_is_gone_before_it_was_looked_at_is_one_end(
    tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer
) -> None:
    for number in range(60):
        connection = connect(tcp_proxy.tcp_address)
        if number % 3:
            connection.sendall(b"x")
        if number % 2:
            break_off(connection)
        else:
            connection.close()
    wait_until(lambda: len(ends(quiet_mixer)) == 60, "the end of each connection")
    assert {received for received, _ in ends(quiet_mixer)} <= {0, 1}
    assert len({bag["connection.id"] for bag in quiet_mixer.reports}) == 60
