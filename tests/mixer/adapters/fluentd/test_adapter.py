"""fluentd against a server that speaks the forward protocol on a real socket."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from mizzen.mixer.adapters import Adapter, AdapterError
from mizzen.mixer.adapters.fluentd import FluentdAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import LogEntry
from mizzen.testing import unused_port, wait_until


class Server(Protocol):
    address: str
    port: int
    acknowledge: bool
    shared_key: str
    users: dict[str, str]
    as_text: bool
    tls: ssl.SSLContext | None
    events: list[tuple[str, dict[str, Any]]]
    options: list[dict[str, Any]]
    connections: int

    def __init__(self, port: int = 0) -> None: ...
    def wait_for(self, events: int) -> list[tuple[str, dict[str, Any]]]: ...
    def cut(self) -> None: ...
    def stop(self) -> None: ...


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def numbers(handler: Adapter) -> dict[str, float]:
    assert handler.registry is not None
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(generate_latest(handler.registry).decode()):
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            name = sample.name.removeprefix("mizzen_fluentd_entries_").removesuffix("_total")
            found[f"{name} {sample.labels.get('reason', '')}".strip()] = sample.value
    return found


def entries(*values: int) -> list[LogEntry]:
    return [LogEntry("log.instance.ns", {"n": value}, None, "info") for value in values]


def values(events: list[tuple[str, dict[str, Any]]]) -> list[int]:
    return [record["n"] for _, record in events]


def push(bench: AdapterBench, seconds: float = 60) -> None:
    bench.advance(seconds)
    bench.run_tasks()


def test_entries_are_sent_at_the_interval(bench: AdapterBench, forward_server: Server) -> None:
    handler = bench.build(FluentdAdapter, {"address": forward_server.address, "push_interval_duration": "5s"})
    handler.report([*entries(1), LogEntry("log.instance.ns", {"tag": "mesh", "n": 2}, None, "warn")])
    push(bench, 4)
    assert forward_server.connections == 0
    push(bench, 1)
    assert forward_server.wait_for(2) == [
        ("log.instance.ns", {"n": 1, "severity": "info"}),
        ("mesh", {"n": 2, "severity": "warn", "name": "log.instance.ns"}),
    ]
    handler.report(entries(3))
    push(bench)
    assert values(forward_server.wait_for(3)) == [1, 2, 3]
    assert forward_server.connections == 1
    assert [option["size"] for option in forward_server.options] == [1, 1, 1]
    assert numbers(handler)["sent"] == 3
    handler.close()


def test_closing_sends_what_is_left(bench: AdapterBench, forward_server: Server) -> None:
    handler = bench.build(FluentdAdapter, {"address": forward_server.address})
    handler.report(entries(1))
    handler.close()
    assert values(forward_server.wait_for(1)) == [1]


def test_a_server_that_is_away_fails_neither_the_build_nor_a_report(
    bench: AdapterBench, forward_server: Server
) -> None:
    port = unused_port()
    handler = bench.build(FluentdAdapter, {"address": f"127.0.0.1:{port}", "instance_buffer_size": 3})
    handler.report(entries(1, 2, 3, 4))
    push(bench)
    assert numbers(handler) == {"taken": 4, "sent": 0, "dropped full": 1, "send_failures": 1, "pending": 3}
    server = type(forward_server)(port=port)
    push(bench)
    assert values(server.wait_for(3)) == [1, 2, 3]
    assert numbers(handler)["sent"] == 3
    handler.close()
    server.stop()


def test_a_connection_that_the_server_closed_is_opened_anew_before_anything_is_lost(
    bench: AdapterBench, forward_server: Server
) -> None:
    handler = bench.build(FluentdAdapter, {"address": forward_server.address})
    handler.report(entries(1))
    push(bench)
    forward_server.wait_for(1)
    forward_server.cut()
    connection = handler._connection
    wait_until(connection._is_over, "the end arrives")
    handler.report(entries(2))
    push(bench)
    assert values(forward_server.wait_for(2)) == [1, 2]
    assert forward_server.connections == 2
    handler.close()


def test_acknowledged_entries_have_arrived(bench: AdapterBench, forward_server: Server) -> None:
    handler = bench.build(FluentdAdapter, {"address": forward_server.address, "require_ack": True})
    handler.report([*entries(1), LogEntry("other", {"n": 2})])
    push(bench)
    assert values(forward_server.events) == [1, 2]
    assert len({option["chunk"] for option in forward_server.options}) == 2
    assert numbers(handler)["sent"] == 2
    handler.close()


def test_entries_that_are_not_acknowledged_are_sent_again(bench: AdapterBench, forward_server: Server) -> None:
    forward_server.acknowledge = False
    params = {"address": forward_server.address, "require_ack": True, "push_timeout_duration": "100ms"}
    handler = bench.build(FluentdAdapter, params)
    handler.report(entries(1))
    push(bench)
    found = numbers(handler)
    assert (found["sent"], found["send_failures"], found["pending"]) == (0, 1, 1)
    forward_server.acknowledge = True
    push(bench)
    assert values(forward_server.wait_for(2)) == [1, 1]
    assert numbers(handler)["sent"] == 1
    handler.close()


@pytest.mark.parametrize("as_text", [False, True])
def test_a_shared_key_is_proved_by_both_sides(bench: AdapterBench, forward_server: Server, as_text: bool) -> None:
    forward_server.shared_key = "secret"
    forward_server.as_text = as_text
    handler = bench.build(FluentdAdapter, {"address": forward_server.address, "shared_key": "secret"})
    handler.report(entries(1))
    push(bench)
    assert values(forward_server.wait_for(1)) == [1]
    handler.close()


def test_a_wrong_shared_key_is_a_failure_that_does_not_show_it(
    bench: AdapterBench, forward_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    forward_server.shared_key = "secret"
    handler = bench.build(FluentdAdapter, {"address": forward_server.address, "shared_key": "wrong-key"})
    handler.report(entries(1))
    push(bench)
    assert forward_server.events == []
    assert numbers(handler)["send_failures"] == 1
    shown = capsys.readouterr().out
    assert "the server refused the shared key or the user: shared_key mismatch" in shown
    assert "wrong-key" not in shown
    handler.close()


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(("user", "password", "arrives"), [("ann", "pässword", 1), ("ann", "x", 0), ("", "", 0)])
def test_a_user_is_proved_too(
    bench: AdapterBench, forward_server: Server, as_text: bool, user: str, password: str, arrives: int
) -> None:
    forward_server.shared_key = "secret"
    forward_server.users = {"ann": "pässword"}
    forward_server.as_text = as_text
    params = {"shared_key": "secret", "username": user, "password": password, "require_ack": True}
    handler = bench.build(FluentdAdapter, {"address": forward_server.address, **params})
    handler.report(entries(1))
    push(bench)
    assert (numbers(handler)["sent"], len(forward_server.events)) == (arrives, arrives)
    handler.close()


def test_tls_with_a_private_authority(bench: AdapterBench, forward_server: Server, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    forward_server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("fluentd.test").configure_cert(forward_server.tls)
    tls = {"ca_file": str(tmp_path / "ca.pem"), "server_name": "fluentd.test"}
    handler = bench.build(FluentdAdapter, {"address": forward_server.address, "tls": tls, "require_ack": True})
    handler.report(entries(1))
    push(bench)
    assert values(forward_server.wait_for(1)) == [1]
    handler.close()
    other = bench.build(FluentdAdapter, {"address": forward_server.address, "tls": {**tls, "server_name": "x.test"}})
    other.report(entries(2))
    push(bench)
    assert numbers(other)["send_failures"] == 1
    other.close()


def test_a_certificate_that_cannot_be_read_keeps_the_handler_from_being_built(bench: AdapterBench) -> None:
    with pytest.raises(AdapterError, match=r"^cannot use /nowhere/ca\.pem: "):
        bench.build(FluentdAdapter, {"tls": {"ca_file": "/nowhere/ca.pem"}})


@pytest.mark.parametrize("answer", [b"\xc1", b"\x93\x01\x02\x03", b"\x81\xa3ack\xa1x", b"\xdf\xff\xff\xff\xff"])
def test_an_answer_that_makes_no_sense_is_a_failure(bench: AdapterBench, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        params = {"address": address, "require_ack": True, "push_timeout_duration": "200ms"}
        handler = bench.build(FluentdAdapter, params)
        handler.report(entries(1))

        def serve() -> None:
            stream, _ = listener.accept()
            with stream:
                stream.recv(65536)
                stream.sendall(answer)
                stream.recv(65536)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        push(bench)
        assert numbers(handler)["send_failures"] == 1
        handler._connection.close()
        thread.join()
    handler.close()


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"address": ""}, "is not an address"),
        ({"address": "localhost"}, "is not an address"),
        ({"instance_buffer_size": -1}, "value must be a positive number"),
        ({"maxBatchSizeBytes": -1}, "value must be a positive number"),
        ({"push_interval_duration": "-1s"}, "duration must be positive"),
        ({"pushTimeoutDuration": "-1s"}, "duration must be positive"),
        ({"tls": {"cert_file": "a.pem"}}, "has one of cert_file and key_file"),
        ({"integer_duration": "yes"}, "valid boolean"),
        ({"username": "ann"}, "has a username and no shared_key"),
    ],
)
def test_wrong_params_are_refused(bench: AdapterBench, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        bench.build(FluentdAdapter, params)
