"""Answers of a Mixer that would break a message do not; `odd_directives.yaml` holds the operations."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, send
from mizzen.testing.answers import directive

ODD: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("odd_directives.yaml").read_text(encoding="utf-8"))
CASES = [(side, odd["operation"]) for odd in ODD for side in odd["sides"]]
IDS = [f"{odd['name']}-{side}" for odd in ODD for side in odd["sides"]]
LEFT_OUT = "mizzen.http_mixer_filter.total_invalid_header_operations"


def raw_answer(proxy: ProxyProcess, path: str) -> bytes:
    """Every byte of the answer on a connection that ends with it."""
    request = f"GET {path} HTTP/1.1\r\nhost: odd.test\r\nconnection: close\r\n\r\n".encode()
    with socket.create_connection((proxy.address.host, proxy.address.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("direct", [0, 403], ids=["passed", "direct"])
@pytest.mark.parametrize(("side", "operation"), CASES, ids=IDS)
def test_an_operation_that_would_break_the_message_is_left_out(
    side: str,
    operation: list[str],
    direct: int,
    proxy: ProxyProcess,
    fresh_mixer: FakeMixer,
    backend: EchoBackend,
) -> None:
    before = proxy.stats("mizzen")
    kind, name, value = operation
    operations = [(kind, name, value), ("REPLACE", "x-good", "yes")]
    request, response = (operations, ()) if side == "request" else ((), operations)
    fresh_mixer.on_check = CheckAnswer(directive=directive(request, response, direct, "instead" if direct else ""))
    head, _, body = raw_answer(proxy, "/odd").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == (b"HTTP/1.1 403 Forbidden" if direct else b"HTTP/1.1 200 OK")
    assert body == b"instead" if direct else b'"path": "/odd"' in body
    assert (b"x-good: yes" in lines) == (side == "response")
    assert b"odd" not in head
    assert b"injected" not in head
    if not direct:
        passed = backend.requests[-1]
        assert (passed.method, passed.path, passed.headers_named("host")) == ("GET", "/odd", ["odd.test"])
        assert passed.headers_named("x-good") == (["yes"] if side == "request" else [])
        assert not [name for name, _ in passed.headers if "odd" in name or "injected" in name]
    proxy.wait_for_stats({LEFT_OUT: 1}, before)


@pytest.mark.parametrize("code", [1, 99, 101, 199, 600, 1000, 65_736, 2**32 - 1])
def test_a_direct_response_with_a_code_that_is_none_is_a_500(
    code: int, proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_check = CheckAnswer(directive=directive(code=code, body="what"))
    response = send(proxy.address, f"/direct/{code}")
    assert (response.status, response.text) == (500, "what")
    report = fresh_mixer.wait_for_report("request.path", f"/direct/{code}")
    assert (report["response.code"], report["context.proxy_error_code"]) == (500, "-")


@pytest.mark.parametrize("code", [204, 205, 304])
def test_a_direct_response_that_may_have_no_body_has_none(
    code: int, proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_check = CheckAnswer(directive=directive(code=code, body="too much"))
    answer = raw_answer(proxy, "/empty")
    assert answer.startswith(f"HTTP/1.1 {code} ".encode())
    assert b"content-length: 8" not in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_large_refusal_reaches_client_and_report(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(7, "ü" * 500_000)
    response = send(proxy.address, "/large")
    assert (response.status, response.text) == (403, "PERMISSION_DENIED:" + "ü" * 500_000)
    assert fresh_mixer.wait_for_report("request.path", "/large")["check.error_message"] == response.text


def test_an_answer_beyond_four_mebibytes_is_a_failed_call(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    before = proxy.stats("mizzen")
    fresh_mixer.on_check = CheckAnswer(7, "m" * 5_000_000)
    assert send(proxy.address, "/too-large").status == 200
    counted = {"total_remote_call_other_errors": 1, "total_check_fail_open": 1}
    proxy.wait_for_stats({f"mizzen.http_mixer_filter.{name}": value for name, value in counted.items()}, before)


def test_a_header_that_cannot_be_replaced_is_removed_so_that_the_clients_own_does_not_stand_for_it(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    fresh_mixer.on_check = CheckAnswer(directive=directive(request=[("REPLACE", "x-user", "ann\r\nx-role: admin")]))
    assert send(proxy.address, "/own", headers=[("x-user", "root")]).status == 200
    assert backend.requests[-1].headers_named("x-user") == []
    assert backend.requests[-1].headers_named("x-role") == []
