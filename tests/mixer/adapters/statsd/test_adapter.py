"""statsd against a real UDP socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from mizzen.mixer.adapters import Adapter, PartialReportError
from mizzen.mixer.adapters.statsd import StatsdAdapter, StatsdParams
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.expr import Duration, Value, ValueType
from mizzen.mixer.templates import InstanceTypes, Metric

NAME = "requests.instance.ns"
COUNTER = {NAME: {"type": "COUNTER"}}


class Server:
    """A StatsD server that only listens."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def datagram(self) -> str:
        return self.socket.recv(65536).decode()

    def waiting(self) -> list[str]:
        """The datagrams that are there already: a send on the loopback is in the queue when it returns."""
        self.socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.datagram())
        except BlockingIOError:
            return found


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.close()


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def count(handler: Adapter, name: str) -> float:
    assert handler.registry is not None
    families = text_string_to_metric_families(generate_latest(handler.registry).decode())
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def requests(value: Value | None = 1, **dimensions: Value) -> Metric:
    return Metric(NAME, value, dimensions)


def test_metrics_are_sent_at_the_interval(bench: AdapterBench, server: Server) -> None:
    params = {"address": server.address, "prefix": "mesh", "flush_duration": "2s", "metrics": COUNTER}
    handler = bench.build(StatsdAdapter, params)
    handler.report([requests(1), requests(2)])
    (task,) = bench.tasks
    assert (task.seconds, task.woken, server.waiting()) == (2.0, False, [])
    bench.run_tasks()
    assert server.waiting() == ["mesh.requests.instance.ns:1|c\nmesh.requests.instance.ns:2|c"]
    assert count(handler, "mizzen_statsd_lines_sent_total") == 2
    handler.close()


def test_a_full_datagram_wakes_the_sender_and_no_line_is_split(bench: AdapterBench, server: Server) -> None:
    handler = bench.build(StatsdAdapter, {"address": server.address, "flush_bytes": 60, "metrics": COUNTER})
    handler.report([requests(number) for number in range(10, 15)])
    assert bench.tasks[0].woken
    bench.run_tasks()
    found = server.waiting()
    assert [len(datagram) for datagram in found] == [51, 51, 25]
    lines = "\n".join(found).split("\n")
    assert lines == [f"requests.instance.ns:{number}|c" for number in range(10, 15)]
    handler.close()


def test_closing_sends_what_is_left(bench: AdapterBench, server: Server) -> None:
    handler = bench.build(StatsdAdapter, {"address": server.address, "metrics": COUNTER})
    handler.report([requests()])
    handler.close()
    assert server.waiting() == ["requests.instance.ns:1|c"]
    assert bench.tasks[0].cancelled


def test_sampling_leaves_out_events_but_no_gauge(bench: AdapterBench, server: Server) -> None:
    metrics = {NAME: {"type": "DISTRIBUTION"}, "level": {"type": "GAUGE"}}
    params = StatsdParams.model_validate_json(
        f'{{"address": "{server.address}", "sampling_rate": 0.25, "metrics": {str(metrics).replace(chr(39), chr(34))}}}'
    )
    draws = iter([0.24, 0.25, 0.0])
    handler = StatsdAdapter(params, bench.environment(), lambda: next(draws))
    handler.report([requests(Duration(n * 10**6)) for n in (1, 2, 3)] + [Metric("level", 5)])
    handler.close()
    assert server.waiting() == ["requests.instance.ns:1|ms|@0.25\nrequests.instance.ns:3|ms|@0.25\nlevel:5|g"]


def test_a_bad_instance_is_an_error_and_the_others_are_sent(bench: AdapterBench, server: Server) -> None:
    handler = bench.build(StatsdAdapter, {"address": server.address, "metrics": COUNTER})
    message = (
        "^2 of 3 metrics were not taken: no info for metric named other; "
        "requests.instance.ns has a value of type str that cannot be sent$"
    )
    with pytest.raises(PartialReportError, match=message):
        handler.report([Metric("other", 1), requests("1"), requests(1)])
    handler.close()
    assert server.waiting() == ["requests.instance.ns:1|c"]


def test_a_server_that_cannot_be_found_is_counted_and_looked_up_again(bench: AdapterBench) -> None:
    handler = bench.build(StatsdAdapter, {"address": "host.invalid:8125", "metrics": COUNTER})
    for _ in range(2):
        handler.report([requests(), requests()])
        bench.run_tasks()
    assert count(handler, "mizzen_statsd_lines_dropped_total") == 4
    assert count(handler, "mizzen_statsd_lines_sent_total") == 0
    handler.close()


def test_a_port_where_nobody_listens_is_counted_at_the_next_send(bench: AdapterBench, server: Server) -> None:
    handler = bench.build(StatsdAdapter, {"address": server.address, "metrics": COUNTER})
    server.socket.close()
    for _ in range(2):
        handler.report([requests()])
        bench.run_tasks()
    assert count(handler, "mizzen_statsd_lines_dropped_total") == 1
    handler.close()


def test_the_queue_is_bounded(bench: AdapterBench, server: Server) -> None:
    handler = bench.build(StatsdAdapter, {"address": server.address, "flush_bytes": 1, "metrics": COUNTER})
    handler.report([requests()] * 5000)
    dropped = count(handler, "mizzen_statsd_lines_dropped_total")
    assert dropped == 5000 - 4097
    handler.close()
    assert count(handler, "mizzen_statsd_lines_sent_total") + count(
        handler, "mizzen_statsd_lines_dropped_total"
    ) == pytest.approx(5000)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"address": "localhost"}, "is not an address"),
        ({"address": "localhost:0"}, "is not an address"),
        ({"address": "localhost:99999"}, "is not an address"),
        ({"address": "u:p@h:1"}, "is not an address"),
        ({"flush_duration": "-1s"}, "greater than or equal to 0"),
        ({"flush_bytes": -1}, "greater than or equal to 0"),
        ({"sampling_rate": -0.5}, "greater than or equal to 0"),
        ({"sampling_rate": 1.5}, "less than or equal to 1"),
        ({"metrics": {"a": {"type": "TIMER"}}}, "is not one of the known values"),
        ({"metrics": {"a": {"type": "GAUGE", "name_template": "{{if}}"}}}, "has the action '{{if}}'"),
    ],
)
def test_wrong_params_are_refused(bench: AdapterBench, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        bench.build(StatsdAdapter, params)


@pytest.mark.parametrize(
    ("metrics", "value", "problem"),
    [
        ({NAME: {}}, ValueType.INT64, f"metrics.{NAME}.type: is not given"),
        ({}, ValueType.INT64, f"metrics: no info for metric named {NAME}, which a rule sends here"),
        ({NAME[:-1]: {"type": "GAUGE"}}, ValueType.INT64, f"is the entry for {NAME[:-1]} meant for it?"),
        (COUNTER, ValueType.DURATION, f"does not fit the value of {NAME}, which is of type DURATION"),
        ({NAME: {"type": "DISTRIBUTION"}}, ValueType.STRING, "accepted: a value of type INT64, DOUBLE, DURATION"),
        (
            {NAME: {"type": "GAUGE", "name_template": "{{.host}}"}},
            ValueType.INT64,
            f"names host, which is no dimension of {NAME}; accepted: code",
        ),
    ],
)
def test_params_must_fit_the_instances(
    bench: AdapterBench, metrics: dict[str, Any], value: ValueType, problem: str
) -> None:
    types = InstanceTypes("metric", {"value": value}, {"dimensions": {"code": ValueType.INT64}})
    with pytest.raises(InvalidParamsError) as caught:
        bench.build(StatsdAdapter, {"metrics": metrics}, instances={NAME: types})
    assert problem in str(caught.value)


def test_params_that_fit_have_no_problems(bench: AdapterBench) -> None:
    types = InstanceTypes("metric", {"value": ValueType.DURATION}, {"dimensions": {"code": ValueType.INT64}})
    metrics = {NAME: {"type": 3, "nameTemplate": "{{.code}}"}}
    bench.build(StatsdAdapter, {"metrics": metrics}, instances={NAME: types}).close()
