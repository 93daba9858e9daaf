"""The filter's configuration changes, and Envoy restarts, while requests are under way."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.agent.address import HostPort
from mizzen.agent.bootstrap import Settings, render_bootstrap
from mizzen.testing import (
    CheckAnswer,
    EchoBackend,
    EnvoyProcess,
    FakeMixer,
    Reference,
    send,
    unused_port,
    wait_until,
)

ACCOUNT = "mizzen.report.entries_"
REJECTED = "listener_manager.lds.update_rejected"
SUCCEEDED = "listener_manager.lds.update_success"


def filter_config(mark: str, **more: Any) -> dict[str, Any]:
    service = {"mixer_attributes": {"attributes": {"service.mark": {"string_value": mark}}}}
    transport = {"report_batch_max_time": "0.05s"}
    return {"default_destination_service": "d", "service_configs": {"d": service}, "transport": transport, **more}


def bootstrap(backend: HostPort, mixer: HostPort, config: Mapping[str, Any], port: int) -> dict[str, Any]:
    settings = Settings(backend=backend, mixer=mixer, port=port, admin_port=0, filter_config=config)
    document: dict[str, Any] = yaml.safe_load(render_bootstrap(settings).text)
    return document


class Updates:
    """An Envoy whose listeners are in a file, and that file."""

    def __init__(self, backend: HostPort, mixer: HostPort, directory: Path) -> None:
        self.backend, self.mixer = backend, mixer
        self.port = unused_port()
        self.file = directory / "lds.json"
        document = bootstrap(backend, mixer, filter_config("first"), self.port)
        document["static_resources"].pop("listeners")
        source = {"path_config_source": {"path": str(self.file)}, "resource_api_version": "V3"}
        document["dynamic_resources"] = {"lds_config": source}
        self.write(filter_config("first"))
        self.envoy = EnvoyProcess(document, ["--concurrency", "2", "--disable-hot-restart"])

    def write(self, config: Mapping[str, Any]) -> None:
        document = bootstrap(self.backend, self.mixer, config, self.port)
        kind = "type.googleapis.com/envoy.config.listener.v3.Listener"
        listeners = [{"@type": kind, **listener} for listener in document["static_resources"]["listeners"]]
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"resources": listeners}))
        fresh.replace(self.file)

    def update(self, config: Mapping[str, Any], counter: str = SUCCEEDED) -> None:
        before = self.envoy.stats(counter)[counter]
        self.write(config)
        wait_until(lambda: self.envoy.stats(counter)[counter] > before, f"a change of {counter}")

    @property
    def address(self) -> HostPort:
        return HostPort("127.0.0.1", self.port)


@pytest.fixture
def updates(backend: EchoBackend, fresh_mixer: FakeMixer, tmp_path: Path) -> Iterator[Updates]:
    updates = Updates(backend.address, fresh_mixer.address, tmp_path)
    with updates.envoy:
        yield updates


def account(envoy: EnvoyProcess) -> dict[str, int]:
    return {name.removeprefix(ACCOUNT): value for name, value in envoy.stats(ACCOUNT).items()}


class Load:
    """Requests on kept connections, opened anew where the server says `connection: close`."""

    def __init__(self, address: HostPort) -> None:
        self.address = address
        self.stopped = threading.Event()
        self.statuses: list[int] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=20)
        while not self.stopped.is_set():
            connection.request("GET", "/load")
            response = connection.getresponse()
            response.read()
            self.statuses.append(response.status)
        connection.close()


@contextmanager
def load(address: HostPort, clients: int = 4) -> Iterator[Load]:
    running = Load(address)
    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(running.run) for _ in range(clients)]
        try:
            yield running
        finally:
            running.stopped.set()
        for future in futures:
            future.result()


def test_streams_that_are_open_go_on_with_the_configuration_they_began_with(
    updates: Updates, backend: EchoBackend, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_check = lambda check: CheckAnswer(delay=0.7 if check.attributes["request.path"] == "/held" else 0)
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(send, updates.address, "/held")
        slow = pool.submit(send, updates.address, "/delay/0.7")
        fresh_mixer.wait_for_checks(2)
        wait_until(lambda: any(request.path == "/delay/0.7" for request in backend.requests), "the slow request")
        updates.update(filter_config("second"))
        wait_until(lambda: send(updates.address, "/new").status == 200 and marks(fresh_mixer, "/new") == "second", "it")
        assert (held.result().status, slow.result().status) == (200, 200)
    for path in ("/held", "/delay/0.7"):
        assert fresh_mixer.wait_for_report("request.path", path)["service.mark"] == "first"


def marks(mixer: FakeMixer, path: str) -> Any:
    return next(check.attributes for check in reversed(mixer.checks) if check.attributes["request.path"] == path)[
        "service.mark"
    ]


def test_what_is_remembered_outlives_an_update_of_the_listener(updates: Updates, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(uses=-1, references=[Reference("request.path")])
    for _ in range(30):
        send(updates.address, "/kept")
    asked = len(fresh_mixer.checks)
    assert asked <= 2, "each worker once"
    updates.update(filter_config("second"))
    for _ in range(30):
        send(updates.address, "/kept")
    assert len(fresh_mixer.checks) <= 2
    assert fresh_mixer.wait_for_report("service.mark", "second")["check.cache_hit"] is True


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"service_config": {}}, ["service_config: unknown field", "did you mean service_configs?"]),
        ({"transport": {"rpc_timeout": "soon"}}, ["transport.rpc_timeout", '"soon"', "accepted:"]),
    ],
    ids=["unknown-field", "bad-value"],
)
def test_a_bad_configuration_is_refused_and_the_last_good_one_serves_on(
    bad: dict[str, Any], words: list[str], updates: Updates, fresh_mixer: FakeMixer
) -> None:
    assert send(updates.address, "/before").status == 200
    updates.update({**filter_config("second"), **bad}, REJECTED)
    for word in words:
        assert word in updates.envoy.log
    assert send(updates.address, "/after").status == 200
    assert marks(fresh_mixer, "/after") == "first"
    updates.update(filter_config("third"))
    wait_until(lambda: send(updates.address, "/good").status == 200 and marks(fresh_mixer, "/good") == "third", "it")


def test_many_updates_under_load_lose_neither_requests_nor_reports(updates: Updates, fresh_mixer: FakeMixer) -> None:
    """Transports change too, so clients, caches and batches of the old ones come to their end with the streams."""
    fresh_mixer.on_check = CheckAnswer(uses=50, references=[Reference("request.path")])
    with load(updates.address) as running:
        for number in range(10):
            transport = {"report_batch_max_time": "0.05s", "check_cache_entries": 100 + number % 3}
            updates.update(filter_config(f"mark-{number}", transport=transport))
    assert set(running.statuses) == {200}
    sent = len(running.statuses)
    wait_until(lambda: account(updates.envoy)["acknowledged"] == sent, f"{sent} acknowledged reports")
    assert account(updates.envoy) == {"made": sent, "acknowledged": sent, "dropped": 0, "pending": 0}
    assert len(fresh_mixer.reports) == sent
    assert updates.envoy.stop() == 0


def test_a_hot_restart_loses_neither_requests_nor_reports(
    backend: EchoBackend, fresh_mixer: FakeMixer, tmp_path: Path
) -> None:
    """Both processes serve for a while, each with caches of its own; counters go on in the new one."""
    fresh_mixer.on_check = CheckAnswer(uses=-1, references=[Reference("request.path")])
    port = unused_port()
    config = bootstrap(backend.address, fresh_mixer.address, filter_config("hot"), port)
    base = tmp_path / "base-id"
    times = ["--concurrency", "2", "--drain-time-s", "1", "--parent-shutdown-time-s", "2"]
    first = EnvoyProcess(config, [*times, "--use-dynamic-base-id", "--base-id-path", str(base)])
    with first, load(HostPort("127.0.0.1", port)) as running:
        wait_until(lambda: len(running.statuses) > 50, "traffic before")
        number = base.read_text().strip()
        second = EnvoyProcess(config, [*times, "--base-id", number, "--restart-epoch", "1"])
        try:
            with second:
                assert first.wait() == 0
                before = len(running.statuses)
                wait_until(lambda: len(running.statuses) > before + 50, "traffic after")
                running.stopped.set()
                sent = wait_for_end(running)
                fresh_mixer.wait_for_reports(sent)
                counted = second.stats("mizzen.http_mixer_filter.")["mizzen.http_mixer_filter.total_check_calls"]
                assert 50 < counted <= sent
                now = account(second)
                # Envoy takes over no counts after the parent's end, so those of its last flush may be missing here;
                # that no report is lost shows in what the Mixer has received.
                assert now["made"] >= now["acknowledged"]
                assert (now["dropped"], now["pending"]) == (0, 0)
        finally:
            Path(f"/dev/shm/envoy_shared_memory_{int(number) * 10}").unlink(missing_ok=True)  # noqa: S108
    assert set(running.statuses) == {200}
    assert len(fresh_mixer.reports) == sent
    # each worker of each process asks once
    assert 1 <= len(fresh_mixer.checks) <= 4 + 4


def wait_for_end(running: Load) -> int:
    """How many requests were answered, once no more come."""
    last = -1
    while last != len(running.statuses):
        last = len(running.statuses)
        threading.Event().wait(0.3)
    return last
