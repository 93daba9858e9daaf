"""Requests that are no requests: Envoy answers, the report tells, and traffic goes on."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import pytest

from mizzen.testing import FakeMixer, ProxyProcess, send

BROKEN = {
    "no host": b"GET /no-host HTTP/1.1\r\n\r\n",
    "two lengths": b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "length and chunks": b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    "no method": b" /x HTTP/1.1\r\nhost: x\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "nul in a value": b"GET /x HTTP/1.1\r\nhost: x\r\nx-nul: a\x00b\r\n\r\n",
    "space in a name": b"GET /x HTTP/1.1\r\nhost: x\r\nx bad: 1\r\n\r\n",
    "broken chunk": b"POST /chunk HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
}


def talk(proxy: ProxyProcess, request: bytes) -> bytes:
    with socket.create_connection((proxy.address.host, proxy.address.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        return answer


@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_request_is_answered_400_and_reported(
    name: str, proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    assert talk(proxy, BROKEN[name]).startswith(b"HTTP/1.1 400 Bad Request")
    bag = fresh_mixer.wait_for_report("response.code", 400)
    assert bag["context.proxy_error_code"] in ("DPE", "-")
    assert send(proxy.address, "/still-there").status == 200


def test_a_client_that_leaves_before_the_headers_end_is_survived(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    with socket.create_connection((proxy.address.host, proxy.address.port), timeout=20) as connection:
        connection.sendall(b"GET /half HTTP/1.1\r\nhost:")
    assert send(proxy.address, "/still-there").status == 200
    assert fresh_mixer.wait_for_report("request.path", "/still-there")


@pytest.mark.parametrize("size", [1, 59, 61, 100])
def test_headers_of_any_size_pass_or_are_refused_by_envoy(
    size: int, proxy: ProxyProcess, fresh_mixer: FakeMixer
) -> None:
    """Envoy's limit is 60 KiB for all headers together."""
    headers = [("x-long", "v" * (size * 1024 - 512))]
    response = send(proxy.address, f"/long/{size}", headers=headers)
    assert response.status == (200 if size < 60 else 431)
    bag = fresh_mixer.wait_for_report("response.code", response.status)
    if response.status == 200:
        seen = bag["request.headers"]
        assert isinstance(seen, Mapping)
        assert len(seen["x-long"]) == size * 1024 - 512
