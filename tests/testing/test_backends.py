"""The services of the kit."""

from __future__ import annotations

import http.client
import json

import grpc
import pytest

from mizzen.testing import (
    ClosingServer,
    EchoBackend,
    EchoRequest,
    EchoResponse,
    FakeClock,
    GrpcBackend,
    send,
    unused_port,
    wait_until,
)


def test_the_echo_tells_what_it_received() -> None:
    with EchoBackend() as backend:
        response = send(backend.address, "/a?b", method="PUT", headers=[("x-a", "1"), ("x-a", "2")], body=b"123")
    content = json.loads(response.body)
    assert (content["method"], content["path"], content["body_length"]) == ("PUT", "/a?b", 3)
    assert [pair for pair in content["headers"] if pair[0] == "x-a"] == [["x-a", "1"], ["x-a", "2"]]
    request = backend.requests[0]
    assert (request.body, request.headers_named("X-A"), request.header("x-none")) == (b"123", ["1", "2"], None)


def test_chunked_bodies_are_joined() -> None:
    with EchoBackend() as backend:
        headers = [("transfer-encoding", "chunked")]
        send(backend.address, method="POST", headers=headers, body=b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: 1\r\n\r\n")
    assert backend.requests[0].body == b"abcde"


@pytest.mark.parametrize(
    ("path", "status"), [("/status/404", 404), ("/status/503", 503), ("/delay/0", 200), ("/x", 200)]
)
def test_its_path_chooses_the_answer(path: str, status: int) -> None:
    with EchoBackend() as backend:
        assert send(backend.address, path).status == status


def test_its_path_breaks_connections() -> None:
    with EchoBackend() as backend:
        with pytest.raises(ConnectionResetError):
            send(backend.address, "/reset")
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            send(backend.address, "/reset-in-body")


def test_a_function_can_answer_instead() -> None:
    def respond(request: EchoRequest) -> EchoResponse:
        return EchoResponse(201, (("set-cookie", "a"), ("set-cookie", "b")), request.body[::-1])

    with EchoBackend(respond) as backend:
        response = send(backend.address, method="POST", body=b"abc")
    assert (response.status, response.text, response.headers_named("set-cookie")) == (201, "cba", ["a", "b"])


def test_the_grpc_service_echoes_and_fails() -> None:
    with GrpcBackend() as backend, grpc.insecure_channel(str(backend.address)) as channel:
        assert GrpcBackend.unary_call(channel)(b"x", timeout=10) == b"x"
        assert list(GrpcBackend.stream_call(channel)(iter([b"1", b"2"]), timeout=10)) == [b"1", b"2"]
        with pytest.raises(grpc.RpcError) as error:
            GrpcBackend.unary_call(channel)(b"fail:NOT_FOUND", timeout=10)
        assert error.value.code() is grpc.StatusCode.NOT_FOUND
        assert backend.calls == 3


def test_the_closing_server_gives_no_answer() -> None:
    with ClosingServer() as server:
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            send(server.address)
        assert server.connections == 1


def test_nobody_listens_on_an_unused_port() -> None:
    from mizzen.agent.address import HostPort

    with pytest.raises(ConnectionRefusedError):
        send(HostPort("127.0.0.1", unused_port()))


def test_the_clock_moves_only_forward_and_only_when_told() -> None:
    clock = FakeClock(5.0)
    assert (clock(), clock.advance(1.5), clock.now()) == (5.0, 6.5, 6.5)
    with pytest.raises(ValueError, match="cannot move"):
        clock.advance(-1)


def test_waiting_ends_with_the_answer_or_says_what_was_missing() -> None:
    answers = [0, 0, 7]
    assert wait_until(lambda: answers.pop(0), "seven") == 7
    with pytest.raises(TimeoutError, match=r"the impossible: not within 0\.02 s"):
        wait_until(lambda: False, "the impossible", 0.02)
