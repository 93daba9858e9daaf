"""zipkin against an HTTP server on a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from mizzen.mixer.adapters import Adapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.adapters.zipkin import ZipkinAdapter
from mizzen.mixer.expr import Timestamp
from mizzen.mixer.templates import TraceSpan
from mizzen.testing import unused_port


class Request(Protocol):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Script(Protocol):
    url: str
    requests: list[Request]
    answer: Callable[[Request], Any]


class Answer:
    def __init__(self, status: int) -> None:
        self.status = status
        self.body = b"why"
        self.headers: dict[str, str] = {}


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def build(bench: AdapterBench, url: str, **params: Any) -> ZipkinAdapter:
    return bench.build(ZipkinAdapter, {"url": f"{url}/api/v2/spans", "sample_probability": 1, **params})


def spans(*identities: int, trace: str = "1") -> list[TraceSpan]:
    return [TraceSpan("s", trace, f"{identity:x}", start_time=Timestamp(1000)) for identity in identities]


def number(handler: Adapter, name: str, reason: str = "") -> float:
    assert handler.registry is not None
    families = text_string_to_metric_families(generate_latest(handler.registry).decode())
    samples = [sample for family in families for sample in family.samples if sample.name == f"mizzen_zipkin_{name}"]
    return sum(sample.value for sample in samples if sample.labels.get("reason", "") == reason)


def push(bench: AdapterBench) -> None:
    bench.advance(60)
    bench.run_tasks()


def identities(script: Script) -> list[list[int]]:
    return [[int(span["id"], 16) for span in json.loads(request.body)] for request in script.requests]


def test_spans_are_sent_in_batches(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(202)
    handler = build(bench, http_script.url, batch_size=2)
    handler.report(spans(1, 2, 3))
    push(bench)
    assert identities(http_script) == [[1, 2], [3]]
    request = http_script.requests[0]
    assert (request.method, request.path) == ("POST", "/api/v2/spans")
    assert request.headers["content-type"] == "application/json"
    assert number(handler, "spans_sent_total") == 3
    handler.close()


def test_closing_sends_what_is_left(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(202)
    handler = build(bench, http_script.url)
    handler.report(spans(1))
    handler.close()
    assert identities(http_script) == [[1]]


def test_sampling_decides_by_the_trace_alone(bench: AdapterBench, http_script: Script) -> None:
    http_script.answer = lambda request: Answer(202)
    handler = build(bench, http_script.url, sample_probability=0.5)
    handler.report([*spans(1, 2, trace="7" + "f" * 15), *spans(3, 4, trace="8" + "0" * 15), TraceSpan("s")])
    handler.close()
    assert identities(http_script) == [[1, 2]]
    assert number(handler, "spans_skipped_total", "unsampled") == 2
    assert number(handler, "spans_skipped_total", "without_trace") == 1


def test_probability_0_sends_nothing_and_says_so(
    bench: AdapterBench, http_script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = bench.build(ZipkinAdapter, {"url": http_script.url})
    handler.report(spans(1))
    handler.close()
    assert http_script.requests == []
    assert "zipkin sends nothing: sample_probability is 0" in capsys.readouterr().out


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_collector_gets_the_batch_again(bench: AdapterBench, http_script: Script, status: int) -> None:
    answers = iter([Answer(status), Answer(202)])
    http_script.answer = lambda request: next(answers)
    handler = build(bench, http_script.url)
    handler.report(spans(1))
    push(bench)
    assert number(handler, "spans_pending") == 1
    push(bench)
    assert identities(http_script) == [[1], [1]]
    assert number(handler, "spans_sent_total") == 1
    handler.close()


@pytest.mark.parametrize("status", [301, 400, 404, 413])
def test_a_refused_batch_is_dropped(bench: AdapterBench, http_script: Script, status: int) -> None:
    http_script.answer = lambda request: Answer(status)
    handler = build(bench, http_script.url)
    handler.report(spans(1, 2))
    push(bench)
    assert number(handler, "spans_dropped_total", "refused") == 2
    handler.close()


def test_a_collector_that_is_away_fails_neither_the_build_nor_a_report(bench: AdapterBench) -> None:
    handler = build(bench, f"http://127.0.0.1:{unused_port()}", queue_size=2)
    handler.report(spans(1, 2, 3))
    push(bench)
    assert number(handler, "spans_dropped_total", "full") == 1
    assert number(handler, "spans_send_failures_total") == 1
    handler.close()
    assert number(handler, "spans_dropped_total", "closed") == 2


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "Field required"),
        ({"url": "zipkin:9411"}, "is not the URL of a collector"),
        ({"url": "http://u:p@zipkin"}, "is not the URL of a collector"),
        ({"url": "http://zipkin:0"}, "is not the URL of a collector"),
        ({"url": "http://zipkin", "sample_probability": 1.5}, "must be between 0 and 1 inclusive"),
        ({"url": "http://zipkin", "sampleProbability": -0.1}, "must be between 0 and 1 inclusive"),
        ({"url": "http://zipkin", "batch_size": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_params_are_refused(bench: AdapterBench, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        bench.build(ZipkinAdapter, params)
