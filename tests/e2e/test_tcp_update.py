"""The TCP listener is updated while connections are open."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mizzen.agent.bootstrap import module_config, native_module, tcp_filter
from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, Reference, unused_port, wait_until
from mizzen.testing.tcp import TcpBackend, connect, receive, receive_all

from .listeners_in_file import ListenersInFile

TEMPLATE = """\
node: ${NODE}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: ${ADMIN_PORT}}}}
bootstrap_extensions: [${MIXER_BOOTSTRAP}]
dynamic_resources:
  lds_config: {path_config_source: {path: LISTENERS}}
static_resources:
  clusters:
  - name: backend
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: "${BACKEND_HOST}", port_value: ${BACKEND_PORT}}}}
  - ${MIXER_CLUSTER}
"""
TCP_PROXY = {
    "name": "envoy.filters.network.tcp_proxy",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "tcp",
        "cluster": "backend",
    },
}


class Listeners:
    """The file that Envoy reads its listener from, whenever another one is moved to its place."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "listeners.json"
        self.port = unused_port()

    def save(self, config: Mapping[str, Any]) -> None:
        listener = {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": "tcp",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.port}},
            "filter_chains": [{"filters": [tcp_filter(module_config(native_module()), config), TCP_PROXY]}],
        }
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"resources": [listener]}))
        fresh.replace(self.path)


def config(mark: str) -> dict[str, Any]:
    return {
        "mixer_attributes": {"attributes": {"service.mark": {"string_value": mark}}},
        "transport": {"report_batch_max_time": "0.05s"},
    }


@pytest.fixture
def listeners(tmp_path: Path) -> Listeners:
    result = Listeners(tmp_path)
    result.save(config("old"))
    return result


@pytest.fixture
def updated_proxy(listeners: Listeners, tcp_backend: TcpBackend, mixer: FakeMixer) -> Iterator[ProxyProcess]:
    mixer.on_check = CheckAnswer()
    mixer.forget()
    template = TEMPLATE.replace("LISTENERS", str(listeners.path))
    with ProxyProcess(tcp_backend.address, mixer.address, template=template) as process:
        yield process


def talk(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)
    assert receive(connection, len(data)) == data


def finish(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    assert receive_all(connection) == b"bye"


def test_an_open_connection_outlives_the_update_with_its_own_attributes(
    updated_proxy: ProxyProcess, listeners: Listeners, mixer: FakeMixer
) -> None:
    references = [Reference("source.ip"), Reference("service.mark")]
    mixer.on_check = CheckAnswer(uses=-1, references=references)
    with connect(updated_proxy.address) as old:
        talk(old, b"before")
        listeners.save(config("new"))
        updated_proxy.wait_for_stats({"listener_manager.listener_modified": 1})
        with connect(updated_proxy.address) as new:
            talk(new, b"hello")
            finish(new)
        talk(old, b"after")
        finish(old)
    reports = mixer.wait_for_reports(4)
    closes = {bag["service.mark"]: bag["connection.received.bytes_total"] for bag in reports[2:]}
    assert closes == {"old": 11, "new": 5}
    assert [check.attributes["service.mark"] for check in mixer.checks] == ["old", "new"]


def test_decisions_outlive_an_update(updated_proxy: ProxyProcess, listeners: Listeners, mixer: FakeMixer) -> None:
    mixer.on_check = CheckAnswer(uses=-1, references=[Reference("source.ip")])
    for number, mark in enumerate(("old", "new", "newer")):
        if number:
            listeners.save(config(mark))
            updated_proxy.wait_for_stats({"listener_manager.listener_modified": number})
        with connect(updated_proxy.address) as connection:
            talk(connection, b"hello")
    assert len(mixer.checks) == 1


def test_a_bad_update_is_refused_and_the_last_good_one_stays(
    updated_proxy: ProxyProcess, listeners: Listeners, mixer: FakeMixer
) -> None:
    listeners.save({"report_interval": "soon"})
    updated_proxy.wait_for_stats({"listener_manager.lds.update_rejected": 1})
    wait_until(lambda: "report_interval" in updated_proxy.log, "the reason in the log")
    with connect(updated_proxy.address) as connection:
        talk(connection, b"hello")
    assert mixer.checks[0].attributes["service.mark"] == "old"


@pytest.mark.parametrize("removed", [False, True], ids=["replaced", "removed"])
def test_a_connection_that_outlasts_the_drain_of_its_listener_is_closed_and_reported(
    removed: bool, tcp_backend: TcpBackend, mixer: FakeMixer, tmp_path: Path
) -> None:
    """Nothing else uses the old listener's way to the Mixer any more, and yet its last reports arrive."""
    mixer.on_check = CheckAnswer(grant_all=True)
    mixer.forget()
    listeners = ListenersInFile(tcp_backend.address, mixer.address, tmp_path)
    with listeners.envoy, connect(listeners.address("tcp")) as busy, connect(listeners.address("tcp")) as silent:
        talk(busy, b"before")
        wait_until(lambda: len(tcp_backend.open_connections) == 2, "both upstream connections")
        listeners.update({"check_cache_entries": 7}, removed=removed)
        talk(busy, b"after")
        assert receive_all(busy) == receive_all(silent) == b""
        wait_until(lambda: len(ends(mixer)) == 2, "both ends")
        assert sorted(ends(mixer)) == [0, 11]
        account = listeners.envoy.stats("mizzen.report.entries_")
        assert account["mizzen.report.entries_dropped"] == 0


def ends(mixer: FakeMixer) -> list[Any]:
    """How much was received on each connection that is over."""
    return [bag["connection.received.bytes_total"] for bag in mixer.reports if bag["connection.event"] == "close"]
