"""otlp against collectors on real sockets, over gRPC and HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
import trustme
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from mizzen.mixer.adapters import Adapter, AdapterError, PartialReportError
from mizzen.mixer.adapters.otlp import OtlpAdapter
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.expr import Duration, Timestamp, Value, ValueType
from mizzen.mixer.templates import InstanceTypes, LogEntry, Metric, TraceSpan
from mizzen.testing import unused_port

TRACE = "463ac35c9f6413ad48485a3953bb6124"
SPAN = "a2fb4a1d1a96d312"
COUNTER = {"instance_name": "requests.instance.ns", "name": "requests", "kind": "COUNTER", "unit": "{request}"}
LATENCY = {
    "instance_name": "latency.instance.ns",
    "name": "latency",
    "kind": "DISTRIBUTION",
    "buckets": {"explicit_buckets": {"bounds": [0.1, 1]}},
}
GAUGE = {"instance_name": "level.instance.ns", "name": "level", "kind": "GAUGE"}


class Collector(Protocol):
    protocol: str
    endpoint: str
    requests: dict[str, list[Any]]
    headers: list[dict[str, str]]
    refused: int
    failure: Any

    def stop(self) -> None: ...


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def build(bench: AdapterBench, collector: Collector, **params: Any) -> OtlpAdapter:
    return bench.build(OtlpAdapter, {"endpoint": collector.endpoint, "protocol": collector.protocol, **params})


def push(bench: AdapterBench, seconds: float = 60) -> None:
    """Metrics are gathered by one task and sent by another."""
    bench.advance(seconds)
    bench.run_tasks()
    bench.run_tasks()


def number(handler: Adapter, name: str) -> float:
    assert handler.registry is not None
    families = text_string_to_metric_families(generate_latest(handler.registry).decode())
    return sum(sample.value for family in families for sample in family.samples if sample.name == f"mizzen_otlp_{name}")


def attributes(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in message.attributes:
        kind = pair.value.WhichOneof("value")
        value = getattr(pair.value, kind)
        found[pair.key] = {i.key: i.value.string_value for i in value.values} if kind == "kvlist_value" else value
    return found


def span(**fields: Any) -> TraceSpan:
    given = {"trace_id": TRACE, "span_id": SPAN, "start_time": Timestamp(5), "end_time": Timestamp(9), **fields}
    return TraceSpan("span.instance.ns", **given)


def test_log_entries_are_records(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector, resource_attributes={"host.name": "one"})
    variables: dict[str, Value | None] = {
        "text": "x",
        "n": 7,
        "f": 0.5,
        "b": True,
        "none": None,
        "ip": bytes([10, 0, 0, 1]),
        "took": Duration(1_500_000),
        "labels": {"b": "2", "a": "1"},
        "trace_id": TRACE,
        "span_id": SPAN,
    }
    handler.report([LogEntry("log.instance.ns", variables, Timestamp(5), "warning"), LogEntry("log.instance.ns")])
    push(bench)
    (request,) = collector.requests["/v1/logs"]
    (group,) = request.resource_logs
    assert attributes(group.resource) == {"service.name": "mizzen", "host.name": "one"}
    first, second = group.scope_logs[0].log_records
    assert attributes(first) == {
        "text": "x",
        "n": 7,
        "f": 0.5,
        "b": True,
        "ip": "10.0.0.1",
        "took": "1.5ms",
        "labels": {"a": "1", "b": "2"},
        "trace_id": TRACE,
        "span_id": SPAN,
    }
    assert (first.time_unix_nano, first.severity_number, first.severity_text) == (5, 13, "warning")
    assert (first.body.string_value, first.trace_id.hex(), first.span_id.hex()) == ("log.instance.ns", TRACE, SPAN)
    assert first.observed_time_unix_nano == second.time_unix_nano > 5
    assert (second.severity_number, second.trace_id) == (0, b"")
    assert number(handler, "logs_sent_total") == 2
    handler.close()


def test_spans_are_grouped_by_service(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector)
    sides = {"source_name": "web", "destination_name": "cart", "source_ip": bytes([10, 0, 0, 1])}
    client = span(**sides, client_span=True, rewrite_client_span_id=True, http_status_code=404, span_name="GET /")
    server = span(
        **sides, rewrite_client_span_id=True, http_status_code=404, request_total_size=7, span_tags={"user": "ann"}
    )
    handler.report([client, server])
    push(bench)
    (request,) = collector.requests["/v1/traces"]
    services = {attributes(group.resource)["service.name"]: group for group in request.resource_spans}
    (one,) = services["web"].scope_spans[0].spans
    (two,) = services["cart"].scope_spans[0].spans
    assert (one.trace_id.hex(), one.name, one.kind, one.status.code) == (TRACE, "GET /", 3, 2)
    assert (one.start_time_unix_nano, one.end_time_unix_nano, one.parent_span_id) == (5, 9, b"")
    assert (two.span_id.hex(), two.kind, two.status.code) == (SPAN, 2, 0)
    assert two.parent_span_id == one.span_id != two.span_id
    assert attributes(two) == {
        "http.response.status_code": 404,
        "http.request.size": 7,
        "network.peer.address": "10.0.0.1",
        "peer.service": "web",
        "user": "ann",
    }
    handler.close()


@pytest.mark.parametrize("ip", [None, b"", bytes(4), bytes(16), b"odd"])
def test_an_address_that_is_not_known_is_left_out(
    bench: AdapterBench, grpc_collector: Collector, ip: bytes | None
) -> None:
    handler = build(bench, grpc_collector)
    handler.report([span(source_ip=ip, destination_ip=ip)])
    handler.close()
    (found,) = grpc_collector.requests["/v1/traces"][0].resource_spans[0].scope_spans[0].spans
    assert attributes(found).keys() == {"peer.service"}


def test_a_servers_own_failure_is_an_error(bench: AdapterBench, grpc_collector: Collector) -> None:
    handler = build(bench, grpc_collector)
    handler.report([span(http_status_code=500)])
    handler.close()
    assert grpc_collector.requests["/v1/traces"][0].resource_spans[0].scope_spans[0].spans[0].status.code == 2


def test_spans_without_a_trace_and_unsampled_ones_are_counted(bench: AdapterBench, grpc_collector: Collector) -> None:
    handler = build(bench, grpc_collector, sample_probability=0.5)
    handler.report([span(trace_id=""), span(trace_id="0" * 16 + "f" * 16), span(trace_id="f" * 16 + "1" * 16)])
    handler.close()
    (group,) = grpc_collector.requests["/v1/traces"][0].resource_spans
    assert [found.trace_id.hex() for found in group.scope_spans[0].spans] == ["f" * 16 + "1" * 16]
    assert number(handler, "spans_skipped_total") == 2


def test_metrics_are_added_up_and_sent_at_the_interval(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector, metrics=[COUNTER, LATENCY, GAUGE])
    handler.report([Metric("requests.instance.ns", 2, {"code": 200, "ip": bytes([1, 2, 3, 4]), "none": None})] * 2)
    values: list[Value] = [Duration(50_000_000), 0.5, "7"]
    handler.report([Metric("latency.instance.ns", value) for value in values])
    handler.report([Metric("level.instance.ns", value) for value in (5, -2.5)])
    push(bench)
    (request,) = collector.requests["/v1/metrics"]
    (group,) = request.resource_metrics
    assert attributes(group.resource) == {"service.name": "mizzen"}
    found = {metric.name: metric for metric in group.scope_metrics[0].metrics}
    (counted,) = found["requests"].sum.data_points
    assert (found["requests"].unit, found["requests"].sum.is_monotonic) == ("{request}", True)
    assert (counted.as_int, attributes(counted)) == (4, {"code": 200, "ip": "1.2.3.4"})
    (observed,) = found["latency"].histogram.data_points
    assert list(observed.explicit_bounds) == [0.1, 1]
    assert (list(observed.bucket_counts), observed.sum) == ([1, 1, 1], pytest.approx(7.55))
    assert found["level"].gauge.data_points[0].as_double == -2.5
    handler.close()


@pytest.mark.parametrize(("temporality", "second"), [("CUMULATIVE", 3), ("DELTA", 2)])
def test_counters_are_totals_or_differences(
    bench: AdapterBench, grpc_collector: Collector, temporality: str, second: int
) -> None:
    handler = build(bench, grpc_collector, metrics=[COUNTER], metrics_temporality=temporality)
    handler.report([Metric("requests.instance.ns", 1)])
    push(bench)
    handler.report([Metric("requests.instance.ns", 2)])
    handler.close()
    found = [
        request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0].as_int
        for request in grpc_collector.requests["/v1/metrics"]
    ]
    assert (found[0], found[-1]) == (1, second)


def test_a_bad_metric_is_an_error_and_the_others_are_taken(bench: AdapterBench, grpc_collector: Collector) -> None:
    handler = build(bench, grpc_collector, metrics=[COUNTER])
    bad = [Metric("other", 1), Metric("requests.instance.ns", -1), Metric("requests.instance.ns", "x")]
    message = (
        r"^3 of 4 metrics were not taken: other: could not find metric info from adapter config; "
        r"requests\.instance\.ns: -1 cannot be added to a COUNTER; "
        r"requests\.instance\.ns: the value 'x' is not a number$"
    )
    with pytest.raises(PartialReportError, match=message):
        handler.report([*bad, Metric("requests.instance.ns", 1)])
    handler.close()
    (request,) = grpc_collector.requests["/v1/metrics"]
    assert request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0].as_int == 1


def test_the_number_of_series_is_bounded(bench: AdapterBench, grpc_collector: Collector) -> None:
    handler = build(bench, grpc_collector, metrics=[COUNTER], max_series=3)
    handler.report([Metric("requests.instance.ns", 1, {"path": f"/{number}"}) for number in range(10)])
    handler.close()
    points = grpc_collector.requests["/v1/metrics"][0].resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
    assert [attributes(point) for point in points][3:] == [{"otel.metric.overflow": True}]
    assert sum(point.as_int for point in points) == 10


def test_headers_and_compression(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector, headers={"x-api-key": "secret"}, compression="GZIP")
    handler.report([LogEntry("log")])
    handler.close()
    assert collector.headers[0]["x-api-key"] == "secret"
    assert len(collector.requests["/v1/logs"]) == 1
    if collector.protocol == "HTTP":
        assert collector.headers[0]["content-encoding"] == "gzip"


def test_what_the_collector_does_not_take_is_counted(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector, metrics=[COUNTER])
    collector.refused = 1
    handler.report([LogEntry("log"), LogEntry("log")])
    handler.report([span(), span(), span()])
    handler.report([Metric("requests.instance.ns", 1)])
    handler.close()
    assert (number(handler, "logs_sent_total"), number(handler, "logs_dropped_total")) == (1, 1)
    assert (number(handler, "spans_sent_total"), number(handler, "spans_dropped_total")) == (2, 1)
    assert number(handler, "points_refused_total") == 1


def fail(collector: Collector, code: grpc.StatusCode, status: int) -> None:
    collector.failure = code if collector.protocol == "GRPC" else status


def test_a_collector_that_is_busy_gets_the_batch_again(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector)
    fail(collector, grpc.StatusCode.UNAVAILABLE, 503)
    handler.report([LogEntry("log")])
    push(bench)
    assert number(handler, "logs_pending") == 1
    collector.failure = None
    push(bench)
    assert number(handler, "logs_sent_total") == 1
    assert len(collector.requests["/v1/logs"]) == 1
    handler.close()


def test_a_batch_that_is_refused_is_dropped(bench: AdapterBench, collector: Collector) -> None:
    handler = build(bench, collector)
    fail(collector, grpc.StatusCode.UNAUTHENTICATED, 401)
    handler.report([LogEntry("log")])
    push(bench)
    assert (number(handler, "logs_dropped_total"), number(handler, "logs_pending")) == (1, 0)
    handler.close()


@pytest.mark.parametrize("protocol", ["GRPC", "HTTP"])
def test_a_collector_that_is_away_fails_neither_the_build_nor_a_report(bench: AdapterBench, protocol: str) -> None:
    endpoint = f"http://127.0.0.1:{unused_port()}"
    handler = bench.build(OtlpAdapter, {"endpoint": endpoint, "protocol": protocol, "queue_size": 2, "timeout": "2s"})
    handler.report([LogEntry("log")] * 3)
    push(bench)
    assert (number(handler, "logs_dropped_total"), number(handler, "logs_pending")) == (1, 2)
    assert number(handler, "logs_send_failures_total") == 1
    handler.close()
    assert number(handler, "logs_dropped_total") == 3


def test_tls_with_certificates_on_both_sides(bench: AdapterBench, grpc_collector: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    server, client = authority.issue_cert("collector.test"), authority.issue_cert("mixer.test")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    client.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    client.private_key_pem.write_to_path(tmp_path / "key.pem")
    credentials = grpc.ssl_server_credentials(
        [(server.private_key_pem.bytes(), server.cert_chain_pems[0].bytes())], authority.cert_pem.bytes(), True
    )
    secure = type(grpc_collector)(credentials)
    files = {"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"}
    tls = {**{name: str(tmp_path / file) for name, file in files.items()}, "server_name": "collector.test"}
    handler = build(bench, secure, tls=tls)
    handler.report([LogEntry("log")])
    handler.close()
    assert number(handler, "logs_sent_total") == 1
    secure.stop()


@pytest.mark.parametrize("protocol", ["GRPC", "HTTP"])
def test_a_file_that_cannot_be_read_keeps_the_handler_from_being_built(bench: AdapterBench, protocol: str) -> None:
    params = {"endpoint": "https://localhost", "protocol": protocol, "tls": {"ca_file": "/nowhere/ca.pem"}}
    with pytest.raises(AdapterError, match=r"cannot use /nowhere/ca\.pem"):
        bench.build(OtlpAdapter, params)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"endpoint": "localhost:4317"}, "is not the URL of a collector"),
        ({"endpoint": "http://u:p@h"}, "is not the URL of a collector"),
        ({"protocol": "UDP"}, "is not one of the known values"),
        ({"headers": {"X Key": "v"}}, "is not the name of a header"),
        ({"sample_probability": 1.1}, "less than or equal to 1"),
        ({"queue_size": 0}, "greater than or equal to 1"),
        ({"push_interval": "0s"}, "greater than 0"),
        ({"metrics": [{"instance_name": "a", "name": "1x"}]}, "is not the name of a metric"),
    ],
)
def test_wrong_params_are_refused(bench: AdapterBench, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        bench.build(OtlpAdapter, params)


@pytest.mark.parametrize(
    ("metrics", "problem"),
    [
        ([], "has no entry for the instance requests.instance.ns, which a rule sends here"),
        ([{**COUNTER, "kind": 0}], "metrics.0.kind: is not given"),
        ([COUNTER, {**GAUGE, "name": "Requests"}], "metrics.1.name: 'requests' is given twice"),
        ([COUNTER, COUNTER], "has a metric already"),
        ([{**COUNTER, "buckets": LATENCY["buckets"]}], "is only for a DISTRIBUTION"),
        ([COUNTER, {**LATENCY, "buckets": {"explicit_buckets": {"bounds": [2, 1]}}}], "do not rise"),
    ],
)
def test_params_must_fit_the_instances(bench: AdapterBench, metrics: list[dict[str, Any]], problem: str) -> None:
    types = InstanceTypes("metric", {"value": ValueType.INT64})
    with pytest.raises(InvalidParamsError) as caught:
        bench.build(OtlpAdapter, {"metrics": metrics}, instances={"requests.instance.ns": types})
    assert problem in str(caught.value)


def test_a_value_that_is_no_number_is_a_problem(bench: AdapterBench) -> None:
    types = InstanceTypes("metric", {"value": ValueType.BOOL})
    with pytest.raises(InvalidParamsError, match="has a value of type BOOL, which is no number"):
        bench.build(OtlpAdapter, {"metrics": [COUNTER]}, instances={"requests.instance.ns": types})
