"""What the Mixer decides happens to the request: allow, deny, header operations, direct response."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, send
from mizzen.testing.answers import directive

DENIALS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("denials.yaml").read_text())


def test_an_allowed_request_reaches_the_backend_and_its_answer_the_client(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    response = send(proxy.address, "/allowed?x=1", method="POST", body=b"hello world")
    assert response.status == 200
    assert '"path": "/allowed?x=1"' in response.text
    assert '"body_length": 11' in response.text
    assert len(fresh_mixer.checks) == 1


def test_every_request_is_checked_when_answers_may_not_be_reused(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    for _ in range(3):
        assert send(proxy.address, "/again").status == 200
    ids = [check.deduplication_id for check in fresh_mixer.checks]
    bases, numbers = {text[:36] for text in ids}, [int(text[36:]) for text in ids]
    assert [str(UUID(base)) for base in bases] == list(bases)
    assert numbers == list(range(numbers[0], numbers[0] + 3))


@pytest.mark.parametrize("denial", DENIALS, ids=lambda denial: str(denial["code"]))
def test_a_denial_becomes_the_http_status_of_its_code(
    denial: dict[str, Any], proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    before = len(backend.requests)
    fresh_mixer.on_check = CheckAnswer(denial["code"], "because")
    response = send(proxy.address, f"/denied/{denial['code']}")
    assert (response.status, response.text) == (denial["http"], f"{denial['name']}:because")
    assert response.header("content-type") == "text/plain"
    assert len(backend.requests) == before


def test_a_denial_without_a_message_has_the_name_of_its_code_as_body(
    proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    fresh_mixer.on_check = CheckAnswer(7)
    assert send(proxy.address, "/denied").text == "PERMISSION_DENIED"


def test_a_denied_head_request_gets_the_status_without_a_body(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(7, "no")
    response = send(proxy.address, "/denied", method="HEAD")
    assert (response.status, response.body) == (403, b"")


def test_an_answer_without_a_decision_is_a_bad_request(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(precondition=False)
    assert send(proxy.address, "/undecided").status == 400


def test_request_headers_are_replaced_removed_and_appended(
    proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    operations = [
        ("REPLACE", "X-Replaced", "new"),
        ("REMOVE", "x-removed", ""),
        ("APPEND", "x-appended", "2"),
        ("APPEND", "x-missing", "only"),
    ]
    fresh_mixer.on_check = CheckAnswer(directive=directive(request=operations))
    sent = [("x-replaced", "a"), ("x-replaced", "b"), ("x-removed", "c"), ("x-appended", "1"), ("x-kept", "k")]
    assert send(proxy.address, "/operations", headers=sent).status == 200
    request = backend.requests[-1]
    assert request.headers_named("x-replaced") == ["new"]
    assert request.headers_named("x-removed") == []
    assert request.headers_named("x-appended") == ["1", "2"]
    assert request.headers_named("x-missing") == ["only"]
    assert request.headers_named("x-kept") == ["k"]


def test_the_path_can_be_replaced(proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend) -> None:
    fresh_mixer.on_check = CheckAnswer(directive=directive(request=[("REPLACE", ":path", "/rewritten?y=2")]))
    assert send(proxy.address, "/original").status == 200
    assert backend.requests[-1].path == "/rewritten?y=2"


def test_response_headers_are_replaced_removed_and_appended(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    operations = [
        ("REPLACE", "content-type", "text/x-echo"),
        ("REMOVE", "server", ""),
        ("APPEND", "Set-Cookie", "a=1"),
        ("APPEND", "set-cookie", "b=2"),
    ]
    fresh_mixer.on_check = CheckAnswer(directive=directive(response=operations))
    response = send(proxy.address, "/operations")
    assert response.status == 200
    assert response.headers_named("content-type") == ["text/x-echo"]
    assert response.header("server") is None
    assert response.headers_named("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("code", [0, 7])
def test_a_direct_response_is_given_instead_of_backend_and_denial(
    code: int, proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend
) -> None:
    before = len(backend.requests)
    instead = directive(response=[("REPLACE", "location", "/login")], code=302, body="go there")
    fresh_mixer.on_check = CheckAnswer(code, "no", directive=instead)
    response = send(proxy.address, "/direct")
    assert (response.status, response.text) == (302, "go there")
    assert response.header("location") == "/login"
    assert len(backend.requests) == before


def test_a_plain_denial_carries_no_header_operations(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(7, "no", directive=directive(response=[("APPEND", "x-extra", "1")]))
    response = send(proxy.address, "/denied")
    assert (response.status, response.header("x-extra")) == (403, None)


def test_websocket_upgrades_are_checked_and_pass(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(16, "who are you")
    upgrade = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
    assert send(proxy.address, "/socket", headers=upgrade).status == 401


def test_http_1_0_passes(proxy: ProxyProcess, fresh_mixer: FakeMixer, backend: EchoBackend) -> None:
    with socket.create_connection((proxy.address.host, proxy.address.port), timeout=20) as connection:
        connection.sendall(b"GET /old-client HTTP/1.0\r\n\r\n")
        assert connection.recv(4096).split(b"\r\n")[0].endswith(b" 200 OK")
    assert backend.requests[-1].path == "/old-client"
    assert len(fresh_mixer.checks) == 1
