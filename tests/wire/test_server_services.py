"""Health and reflection of the native front, asked by stock clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mizzen.wire import Server

PATIENCE = 20.0
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def serving(**settings: Any) -> Iterator[tuple[Server, grpc.Channel]]:
    server = Server(lambda pending: pending.fail(13, "not asked"), **settings)
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield server, channel
    finally:
        server.stop(0)


def status(stub: Any, service: str = "") -> int:
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
    code: int = answer.status
    return code


def test_health_is_what_the_server_is_told() -> None:
    with serving() as (server, channel):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert status(stub) == NOT_SERVING
        server.set_serving(True)
        assert (status(stub), status(stub, "istio.mixer.v1.Mixer")) == (SERVING, SERVING)
        server.set_serving(False)
        assert status(stub) == NOT_SERVING


def test_the_health_of_another_service_is_not_found() -> None:
    with serving() as (_, channel), pytest.raises(grpc.RpcError) as raised:
        status(health_pb2_grpc.HealthStub(channel), "other")
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_a_request_that_is_none_is_refused() -> None:
    with serving() as (_, channel):
        call: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        with pytest.raises(grpc.RpcError) as raised:
            call(b"\xff\xff", timeout=PATIENCE)
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_watch_tells_every_change_and_the_end() -> None:
    with serving() as (server, channel):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        server.set_serving(True)
        changes = stub.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert next(changes).status == SERVING
        server.set_serving(False)
        assert next(changes).status == NOT_SERVING
        server.set_serving(True)
        assert next(changes).status == SERVING
        server.stop(PATIENCE)
        assert [change.status for change in changes] == [NOT_SERVING]


def test_watch_of_another_service_says_that_it_is_unknown() -> None:
    with serving() as (_, channel):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        changes = stub.Watch(health_pb2.HealthCheckRequest(service="other"), timeout=PATIENCE)
        assert next(changes).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        changes.cancel()


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_each_question_of_a_reflection_stream_is_answered_by_the_function(version: str) -> None:
    with serving(reflect=lambda question: question[::-1]) as (_, channel):
        stream: Any = channel.stream_stream(REFLECTION.replace("v1", version))
        assert list(stream(iter([b"ab", b"cd"]), timeout=PATIENCE)) == [b"ba", b"dc"]


def test_without_a_function_reflection_is_unimplemented() -> None:
    with serving() as (_, channel):
        stream: Any = channel.stream_stream(REFLECTION)
        answers = stream(iter([b""]), timeout=PATIENCE)
        with pytest.raises(grpc.RpcError) as raised:
            list(answers)
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_open_reflection_stream_does_not_delay_the_end() -> None:
    with serving(reflect=lambda question: question) as (server, channel):
        stream: Any = channel.stream_stream(REFLECTION)
        ended = threading.Event()

        def ask() -> Iterator[bytes]:
            yield b"a"
            ended.wait(PATIENCE)

        answers = stream(ask(), timeout=PATIENCE)
        assert next(answers) == b"a"
        server.stop(PATIENCE)
        assert list(answers) == []
        ended.set()
