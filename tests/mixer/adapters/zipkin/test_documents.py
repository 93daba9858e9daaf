from __future__ import annotations

from typing import Any

import pytest

from mizzen.mixer.adapters.spans import span_of
from mizzen.mixer.adapters.zipkin.documents import document_of
from mizzen.mixer.expr import Duration, Timestamp
from mizzen.mixer.templates import TraceSpan

TRACE = "463ac35c9f6413ad48485a3953bb6124"
SPAN = "a2fb4a1d1a96d312"


def document(**fields: Any) -> dict[str, Any]:
    given = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "start_time": Timestamp(1_000_000_001_000_000_999),
        "end_time": Timestamp(1_000_000_002_500_000_000),
        **fields,
    }
    span = span_of(TraceSpan("span.instance.ns", **given))
    assert span is not None
    return document_of(span)


def test_a_client_span() -> None:
    sides = {"source_name": "web", "source_ip": bytes([10, 0, 0, 1]), "destination_name": "cart"}
    assert document(**sides, client_span=True, span_name="GET /", parent_span_id="7", span_tags={"user": "ann"}) == {
        "traceId": TRACE,
        "id": SPAN,
        "parentId": "0000000000000007",
        "kind": "CLIENT",
        "name": "GET /",
        "timestamp": 1_000_000_001_000_000,
        "duration": 1_499_999,
        "localEndpoint": {"serviceName": "web", "ipv4": "10.0.0.1"},
        "remoteEndpoint": {"serviceName": "cart"},
        "tags": {"user": "ann"},
        "annotations": [
            {"timestamp": 1_000_000_001_000_000, "value": "SENT"},
            {"timestamp": 1_000_000_002_500_000, "value": "RECV"},
        ],
    }


def test_a_server_span() -> None:
    found = document(
        source_ip=bytes(4), destination_name="cart", destination_ip=bytes([0x20, 1, 0xD, 0xB8] + [0] * 11 + [1])
    )
    assert found["kind"] == "SERVER"
    assert found["localEndpoint"] == {"serviceName": "cart", "ipv6": "2001:db8::1"}
    assert found["remoteEndpoint"] == {"serviceName": "default"}
    assert [annotation["value"] for annotation in found["annotations"]] == ["RECV", "SENT"]
    assert "parentId" not in found


def test_a_trace_of_64_bits_has_16_digits() -> None:
    assert document(trace_id="48485a3953bb6124")["traceId"] == "48485a3953bb6124"


@pytest.mark.parametrize(
    ("status", "tags"),
    [
        (0, {}),
        (200, {"http.status_code": "200"}),
        (302, {"http.status_code": "302"}),
        (404, {"http.status_code": "404", "error": "NOT_FOUND"}),
        (418, {"http.status_code": "418", "error": "UNKNOWN"}),
        (503, {"http.status_code": "503", "error": "UNAVAILABLE"}),
    ],
)
def test_the_status_is_a_tag_and_may_be_an_error(status: int, tags: dict[str, str]) -> None:
    assert document(http_status_code=status)["tags"] == tags


def test_tags_are_texts() -> None:
    found = document(
        request_size=5,
        request_total_size=9,
        response_total_size=7,
        api_protocol="http",
        span_tags={"n": 7, "b": True, "d": Duration(1_500_000), "map": {"b": "2", "a": "1"}, "none": None},
    )
    assert found["tags"] == {
        "request.size": "5",
        "request.total_size": "9",
        "response.total_size": "7",
        "api.protocol": "http",
        "n": "7",
        "b": "true",
        "d": "1.5ms",
        "map": "a=1&b=2",
    }


def test_a_duration_is_never_unknown() -> None:
    assert document(end_time=Timestamp(1_000_000_001_000_000_999))["duration"] == 1
