"""Envoy restarts while connections are open: they stay with the old process, new ones go to the new process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from mizzen.agent.address import HostPort
from mizzen.agent.bootstrap import Settings, render_bootstrap
from mizzen.testing import (
    CheckAnswer,
    EnvoyProcess,
    FakeMixer,
    QuotaAnswer,
    Reference,
    unused_port,
    wait_until,
)
from mizzen.testing.mixer import ReceivedCheck
from mizzen.testing.tcp import TcpBackend, break_off, connect, receive, receive_all

PREFIX = "mizzen.tcp_mixer_filter."
CONFIG: Mapping[str, Any] = {
    "connection_quota_spec": {"rules": [{"quotas": [{"quota": "connections", "charge": 1}]}]},
    "report_interval": "1s",
    "transport": {"report_batch_max_time": "0.05s"},
}


class Restart:
    """Two Envoys, the second of which takes over from the first, which ends by itself five seconds later."""

    def __init__(self, backend: HostPort, mixer: HostPort, folder: Path) -> None:
        self.address = HostPort("127.0.0.1", unused_port())
        self.base = folder / "base-id"
        settings = Settings(
            backend=backend,
            mixer=mixer,
            port=0,
            admin_port=0,
            tcp_port=self.address.port,
            tcp_filter_config=CONFIG,
        )
        self.config = yaml.safe_load(render_bootstrap(settings).text)
        self.times = ["--concurrency", "2", "--drain-time-s", "2", "--parent-shutdown-time-s", "5"]
        self.first = EnvoyProcess(self.config, [*self.times, "--use-dynamic-base-id", "--base-id-path", str(self.base)])

    def second(self) -> EnvoyProcess:
        number = self.base.read_text().strip()
        return EnvoyProcess(self.config, [*self.times, "--base-id", number, "--restart-epoch", "1"])

    def clean(self) -> None:
        if self.base.exists():
            number = int(self.base.read_text())
            Path(f"/dev/shm/envoy_shared_memory_{number * 10}").unlink(missing_ok=True)  # noqa: S108


@contextmanager
def running(backend: TcpBackend, mixer: FakeMixer, folder: Path) -> Iterator[Restart]:
    restart = Restart(backend.address, mixer.address, folder)
    try:
        with restart.first:
            yield restart
    finally:
        restart.clean()


def talk(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    assert receive(connection, len(data)) == data


def finish(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    assert receive_all(connection) == b"bye"


def remembered(check: ReceivedCheck) -> CheckAnswer:
    place = [Reference("context.protocol")]
    quotas = {name: QuotaAnswer(amount, 600, place) for name, (amount, _) in check.quotas.items()}
    return CheckAnswer(uses=-1, references=place, quotas=quotas)


def process_of(connection_id: Any) -> str:
    """Each process gives its filter's configuration a UUID of its own."""
    return str(connection_id).rpartition("-")[0]


def reports_of(mixer: FakeMixer, event: str) -> list[Mapping[str, Any]]:
    return [bag for bag in mixer.reports if bag["connection.event"] == event]


def test_connections_stay_with_the_old_process_to_their_end_and_each_is_reported(
    tcp_backend: TcpBackend, mixer: FakeMixer, tmp_path: Path
) -> None:
    mixer.on_check = remembered
    mixer.forget()
    with running(tcp_backend, mixer, tmp_path) as restart, ExitStack() as stack:
        busy, idle, broken = (stack.enter_context(connect(restart.address)) for _ in range(3))
        for connection in (busy, idle, broken):
            talk(connection, b"before")
        with restart.second() as second:
            talk(busy, b"during")
            with connect(restart.address) as new:
                talk(new, b"hello")
                finish(new)
            finish(busy)
            break_off(broken)
            talk(idle, b"and still")
            assert restart.first.wait() == 0
            # the old process closed what was still open at its end, and reported it
            assert receive_all(idle) == b""
            with connect(restart.address) as late:
                talk(late, b"later")
                finish(late)
            wait_until(lambda: len(reports_of(mixer, "close")) == 5, "the end of each connection")
            wait_until(lambda: second.stats(PREFIX)[PREFIX + "quota_pools"] <= 2, "pools of the new process alone")
    old = process_of(reports_of(mixer, "open")[0]["connection.id"])
    ends = reports_of(mixer, "close")
    assert len({bag["connection.id"] for bag in ends}) == 5, "each connection has one end"
    assert sorted(
        (process_of(bag["connection.id"]) == old, bag["connection.received.bytes_total"]) for bag in ends
    ) == [
        (False, 5),
        (False, 5),
        (True, 6),
        (True, 12),
        (True, 15),
    ]
    periodic = [bag for bag in reports_of(mixer, "continue") if process_of(bag["connection.id"]) == old]
    assert max(bag["connection.received.bytes_total"] for bag in periodic) == 15, "the old process goes on reporting"
    # each worker of each process asks for itself
    assert 2 <= len([check for check in mixer.checks if not any(best for _, best in check.quotas.values())]) <= 4


def test_a_connection_whose_check_runs_across_the_restart_is_decided(
    tcp_backend: TcpBackend, mixer: FakeMixer, tmp_path: Path
) -> None:
    mixer.on_check = CheckAnswer(grant_all=True, delay=2.0)
    mixer.forget()
    with running(tcp_backend, mixer, tmp_path) as restart, connect(restart.address) as held:
        held.sendall(b"hello")
        mixer.wait_for_checks(1)
        with restart.second():
            assert receive(held, 5) == b"hello"
            finish(held)
            assert mixer.wait_for_report("connection.event", "close")["connection.received.bytes_total"] == 5
    assert len(mixer.checks) == 1


class Clients:
    """Short connections, one after the other, each of which must be served."""

    def __init__(self, address: HostPort) -> None:
        self.address = address
        self.stopped = threading.Event()
        self.served = 0
        self.slowest = 0.0

    def run(self) -> None:
        while not self.stopped.is_set():
            started = time.monotonic()
            with connect(self.address) as connection:
                talk(connection, b"x")
                finish(connection)
            self.slowest = max(self.slowest, time.monotonic() - started)
            self.served += 1


def test_no_connection_fails_or_stalls_while_the_new_process_takes_over(
    tcp_backend: TcpBackend, mixer: FakeMixer, tmp_path: Path
) -> None:
    mixer.on_check = remembered
    mixer.forget()
    with running(tcp_backend, mixer, tmp_path) as restart, ThreadPoolExecutor(4) as pool:
        clients = [Clients(restart.address) for _ in range(4)]
        running_clients = [pool.submit(client.run) for client in clients]
        try:
            wait_until(lambda: all(client.served > 20 for client in clients), "connections before")
            with restart.second():
                assert restart.first.wait() == 0
                before = [client.served for client in clients]
                wait_until(
                    lambda: all(client.served > count + 20 for client, count in zip(clients, before, strict=True)),
                    "connections after",
                )
                for client in clients:
                    client.stopped.set()
                for each in running_clients:
                    each.result()
                served = sum(client.served for client in clients)
                wait_until(lambda: len(reports_of(mixer, "close")) >= served, "the end of each connection")
        finally:
            for client in clients:
                client.stopped.set()
    ends = reports_of(mixer, "close")
    assert len(ends) == len({bag["connection.id"] for bag in ends}) == served
    assert len({process_of(bag["connection.id"]) for bag in ends}) == 2
    assert {bag["connection.received.bytes_total"] for bag in ends} == {1}
    assert max(client.slowest for client in clients) < 3.0
