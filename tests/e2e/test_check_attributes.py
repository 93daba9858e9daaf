"""Every attribute of a Check, as the Mixer decodes it."""

from __future__ import annotations

import time

from mizzen.testing import FakeMixer, ProxyProcess, send
from mizzen.testing.bags import Attributes


def check_of(proxy: ProxyProcess, mixer: FakeMixer, path: str = "/", **more: list[tuple[str, str]]) -> Attributes:
    assert send(proxy.address, path, **more).status == 200  # type: ignore[arg-type]
    return mixer.checks[-1].attributes


def test_a_full_request_gives_every_attribute(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    before = time.time_ns()
    sent = [
        ("host", "echo.example:81"),
        ("User-Agent", "tests/1"),
        ("referer", "http://from.example/"),
        ("authorization", "Bearer secret"),
        ("x-double", "first"),
        ("x-double", "last"),
    ]
    bag = check_of(proxy, fresh_mixer, "/a/b?x=1&y&x=2&z=%20", headers=sent)
    headers = bag.pop("request.headers")
    assert isinstance(headers, dict)
    request_time = bag.pop("request.time")
    assert isinstance(request_time, int)
    assert before <= request_time <= time.time_ns()
    assert bag == {
        "request.host": "echo.example:81",
        "request.method": "GET",
        "request.path": "/a/b?x=1&y&x=2&z=%20",
        "request.url_path": "/a/b",
        "request.query_params": {"x": "1", "y": "", "z": "%20"},
        "request.referer": "http://from.example/",
        "request.scheme": "http",
        "request.useragent": "tests/1",
        "context.protocol": "http",
        "context.reporter.kind": "inbound",
        "context.reporter.uid": "kubernetes://echo-1.demo",
        "connection.mtls": False,
        "origin.ip": b"\x7f\x00\x00\x01",
        "destination.uid": "kubernetes://echo-1.demo",
        "destination.namespace": "demo",
        "destination.service.host": "echo.demo.svc",
        "service.mark": "s",
    }
    expected = {
        ":authority": "echo.example:81",
        ":method": "GET",
        ":path": "/a/b?x=1&y&x=2&z=%20",
        ":scheme": "http",
        "user-agent": "tests/1",
        "referer": "http://from.example/",
        "authorization": "Bearer secret",
        "x-double": "last",
    }
    assert expected.items() <= headers.items()
    assert "x-request-id" in headers


def test_what_a_request_lacks_is_absent(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    bag = check_of(proxy, fresh_mixer, "/bare")
    for name in ("request.query_params", "request.referer", "request.useragent", "connection.requested_server_name"):
        assert name not in bag
    for name in ("source.principal", "source.user", "source.namespace", "destination.principal", "source.ip"):
        assert name not in bag


def test_only_the_three_grpc_content_types_are_grpc(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    for content_type, protocol in {
        "application/grpc+json": "grpc",
        "application/grpc-web": "http",
        "application/json": "http",
    }.items():
        bag = check_of(proxy, fresh_mixer, "/typed", headers=[("content-type", content_type)])
        assert bag["context.protocol"] == protocol


def test_a_question_mark_alone_gives_no_parameters(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    bag = check_of(proxy, fresh_mixer, "/q?")
    assert (bag["request.path"], bag["request.url_path"]) == ("/q?", "/q")
    assert "request.query_params" not in bag


def test_bytes_that_are_not_utf8_are_shown_replaced_and_passed_on_unchanged(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    bag = check_of(proxy, fresh_mixer, "/bytes", headers=[("x-latin", b"caf\xe9".decode("latin-1"))])
    headers = bag["request.headers"]
    assert isinstance(headers, dict)
    assert headers["x-latin"] == "caf�"


def test_checks_carry_the_word_count_and_the_node_in_their_metadata(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    check_of(proxy, fresh_mixer, "/meta")
    check = fresh_mixer.checks[-1]
    assert check.global_word_count == 222
    # source.uid = kubernetes://echo-1.demo, as base64 of an Attributes message
    assert check.metadata["x-istio-attributes"] == "CigKCnNvdXJjZS51aWQSGhIYa3ViZXJuZXRlczovL2VjaG8tMS5kZW1v"
