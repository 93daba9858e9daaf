"""Every stream is reported, however it ended, with the attributes of what happened."""

from __future__ import annotations

import time
from collections.abc import Mapping

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, send
from mizzen.testing.answers import directive


def test_an_allowed_request_is_reported_in_full(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    before = time.time_ns()
    response = send(proxy.address, "/delay/0.05", method="POST", body=b"x" * 1000)
    bag = fresh_mixer.wait_for_report("request.path", "/delay/0.05")
    check = fresh_mixer.checks[0].attributes
    assert {name: bag[name] for name in check if name != "request.headers"} == {
        name: value for name, value in check.items() if name != "request.headers"
    }
    assert bag["response.code"] == 200
    assert bag["request.size"] == 1000
    assert bag["response.size"] == len(response.body)
    assert bag["check.cache_hit"] is False
    assert bag["quota.cache_hit"] is False
    assert bag["context.proxy_error_code"] == "-"
    assert bag["destination.ip"] == b"\x7f\x00\x00\x01"
    assert bag["destination.port"] == backend.address.port
    headers = bag["response.headers"]
    assert isinstance(headers, Mapping)
    assert headers[":status"] == "200"
    assert headers["content-type"] == "application/json"
    assert isinstance(bag["response.time"], int)
    assert before < bag["response.time"] <= time.time_ns()
    assert isinstance(bag["response.duration"], int)
    assert 50_000_000 <= bag["response.duration"] < 5_000_000_000
    for name in ("check.error_code", "check.error_message", "response.grpc_status"):
        assert name not in bag


def test_total_sizes_are_header_bytes_and_bodies(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    send(proxy.address, "/sizes", method="POST", body=b"12345")
    bag = fresh_mixer.wait_for_report("request.path", "/sizes")
    for side in ("request", "response"):
        headers, size, total = bag[f"{side}.headers"], bag[f"{side}.size"], bag[f"{side}.total_size"]
        assert isinstance(headers, Mapping)
        assert isinstance(size, int)
        if side == "request":
            assert total == size + sum(len(name) + len(value) for name, value in headers.items())
        else:
            assert isinstance(total, int)
            assert total > size


def test_a_denied_request_is_reported_with_the_reason(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(7, "not you")
    assert send(proxy.address, "/denied").status == 403
    bag = fresh_mixer.wait_for_report("request.path", "/denied")
    assert bag["response.code"] == 403
    assert bag["check.error_code"] == 7
    assert bag["check.error_message"] == "PERMISSION_DENIED:not you"
    assert bag["context.proxy_error_code"] == "UAEX"
    assert bag["check.cache_hit"] is False
    assert "destination.ip" not in bag


def test_a_denial_answered_directly_is_reported_by_its_own_code(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(16, "log in", directive=directive(code=302))
    assert send(proxy.address, "/login").status == 302
    bag = fresh_mixer.wait_for_report("request.path", "/login")
    assert (bag["response.code"], bag["check.error_code"]) == (401, 16)


def test_the_backends_own_errors_are_no_errors_of_the_proxy(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/status/404").status == 404
    bag = fresh_mixer.wait_for_report("request.path", "/status/404")
    assert (bag["response.code"], bag["context.proxy_error_code"]) == (404, "-")
    assert "check.error_code" not in bag


def test_tracing_headers_are_reported(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    send(proxy.address, "/traced", headers=[("x-b3-traceid", "463ac35c9f6413ad"), ("x-b3-sampled", "1")])
    headers = fresh_mixer.wait_for_report("request.path", "/traced")["request.headers"]
    assert isinstance(headers, Mapping)
    assert (headers["x-b3-traceid"], headers["x-b3-sampled"]) == ("463ac35c9f6413ad", "1")
