"""From a Report over gRPC to what leaves the Mixer: rules, instances and the exporters together."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from typing import Any, Protocol

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from mizzen.mixer.expr import Timestamp
from mizzen.testing import LocalMixer

TRACE = "463ac35c9f6413ad48485a3953bb6124"
POLICIES = """
kind: instance
metadata: {{name: requests, namespace: istio-system}}
spec:
  compiledTemplate: metric
  params:
    value: "1"
    dimensions: {{code: response.code | 0, path: request.path | "none"}}
---
kind: instance
metadata: {{name: traced, namespace: istio-system}}
spec:
  compiledTemplate: metric
  params:
    value: "1"
    dimensions: {{code: response.code | 0, trace: 'request.headers["x-b3-traceid"] | ""'}}
---
kind: instance
metadata: {{name: span, namespace: istio-system}}
spec:
  compiledTemplate: tracespan
  params:
    traceId: request.headers["x-b3-traceid"] | ""
    spanId: request.headers["x-b3-spanid"] | ""
    spanName: request.path | "/"
    startTime: request.time
    endTime: response.time
    httpStatusCode: response.code | 0
    destinationName: '"cart"'
    sourceIp: source.ip | ip("0.0.0.0")
    spanTags: {{headers: request.headers}}
---
kind: instance
metadata: {{name: log, namespace: istio-system}}
spec:
  compiledTemplate: logentry
  params:
    severity: '"warning"'
    timestamp: request.time
    variables: {{took: response.duration | "0ms", source: source.ip | ip("0.0.0.0")}}
---
kind: handler
metadata: {{name: statsd, namespace: istio-system}}
spec:
  compiledAdapter: statsd
  params:
    address: {statsd}
    flush_duration: 1m
    metrics:
      requests.instance.istio-system: {{type: COUNTER, name_template: "requests.{{{{.path}}}}.{{{{.code}}}}"}}
---
kind: handler
metadata: {{name: prometheus, namespace: istio-system}}
spec:
  compiledAdapter: prometheus
  params:
    metrics:
    - instance_name: traced.instance.istio-system
      name: traced_total
      kind: COUNTER
      label_names: [code]
      exemplar_labels: {{trace_id: trace}}
---
kind: handler
metadata: {{name: zipkin, namespace: istio-system}}
spec:
  compiledAdapter: zipkin
  params: {{url: "{http}/api/v2/spans", sample_probability: 1, push_interval: 1m}}
---
kind: handler
metadata: {{name: otlp, namespace: istio-system}}
spec:
  compiledAdapter: otlp
  params: {{endpoint: "{http}", protocol: HTTP, push_interval: 1m}}
---
kind: rule
metadata: {{name: all, namespace: istio-system}}
spec:
  actions:
  - {{handler: statsd, instances: [requests]}}
  - {{handler: prometheus, instances: [traced]}}
  - {{handler: zipkin, instances: [span]}}
  - {{handler: otlp, instances: [log]}}
"""


class Script(Protocol):
    url: str
    requests: list[Any]
    answer: Callable[[Any], Any]


def record(path: str) -> dict[str, Any]:
    return {
        "request.path": path,
        "request.time": Timestamp(1_767_312_000_000_000_000),
        "response.time": Timestamp(1_767_312_001_000_000_000),
        "request.headers": {"x-b3-traceid": TRACE, "x-b3-spanid": "a2fb4a1d1a96d312"},
        "response.code": 200,
        "source.ip": bytes([10, 0, 0, 1]),
    }


def test_one_report_reaches_every_exporter(http_script: Script) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(10)
        policies = POLICIES.format(statsd=f"127.0.0.1:{statsd.getsockname()[1]}", http=http_script.url)
        with LocalMixer(policies) as mixer:
            assert mixer.report(record("/a"), record("/b:c")) == ""
            page = metrics_of(mixer)
        lines = set(statsd.recv(65536).decode().split("\n"))  # the end of the Mixer has sent what waited
    assert lines == {"requests./a.200:1|c", "requests./b_c.200:1|c"}
    assert f'istio_traced_total{{code="200"}} 2.0 # {{trace_id="{TRACE}"}} 1.0' in page
    bodies = {request.path: request.body for request in http_script.requests}
    spans = json.loads(bodies["/api/v2/spans"])
    assert [(span["traceId"], span["name"], span["duration"]) for span in spans] == [
        (TRACE, "/a", 1_000_000),
        (TRACE, "/b:c", 1_000_000),
    ]
    assert spans[0]["tags"]["headers"] == f"x-b3-spanid=a2fb4a1d1a96d312&x-b3-traceid={TRACE}"
    logs = ExportLogsServiceRequest.FromString(bodies["/v1/logs"])
    (first, second) = logs.resource_logs[0].scope_logs[0].log_records
    assert first.severity_number == second.severity_number == 13
    assert {pair.key: pair.value.string_value for pair in first.attributes} == {"took": "0s", "source": "10.0.0.1"}


def metrics_of(mixer: LocalMixer) -> str:
    """The page of metrics as a scraper of OpenMetrics gets it."""
    assert mixer.server.monitoring is not None
    address = f"http://127.0.0.1:{mixer.server.monitoring.port}/metrics"
    request = urllib.request.Request(address, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text: bytes = answer.read()
    return text.decode()
