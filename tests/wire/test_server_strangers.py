"""The native front and clients that do not speak its language, or too little, or too much."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from queue import Queue

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mizzen.testing import wait_until
from mizzen.wire import CheckCall, Pending, Server
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

PATIENCE = 20.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
PING = b"\0\0\x08\6\0\0\0\0\0" + b"12345678"
HTTP1 = b"POST /istio.mixer.v1.Mixer/Check HTTP/1.1\r\nHost: mixer\r\nContent-Length: 0\r\n\r\n"
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200))


def allow(pending: Pending) -> None:
    call = CheckCall(pending.request)
    call.reply()
    pending.answer(call.response())


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(allow, handshake=0.2)
    server.start()
    yield server
    server.stop(0)


def is_closed_after(server: Server, data: bytes) -> bool:
    """Whether the server ends the connection of a client that sends `data` and then nothing."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        client.sendall(data)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True


def answers(server: Server) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        mixer_pb2_grpc.MixerStub(channel).Check(mixer_pb2.CheckRequest(), timeout=PATIENCE)
    return True


@pytest.mark.parametrize(
    "data",
    [HTTP1, TLS_HELLO, b"\0" * 100, PREFACE[:-1] + b"X", b"PRI * HTTP/2.0\r\n", b""],
    ids=["http1", "tls", "zeros", "almost", "half", "silence"],
)
def test_a_client_that_does_not_begin_with_http2_is_dropped_and_counted(server: Server, data: bytes) -> None:
    assert is_closed_after(server, data)
    wait_until(lambda: server.stats()["handshake_failures"] == 1, "the count")
    assert answers(server)
    assert server.stats()["handshake_failures"] == 1


def test_a_client_that_has_begun_may_be_silent(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        for byte in PREFACE:
            client.sendall(bytes([byte]))
        client.sendall(SETTINGS)
        client.settimeout(1.0)  # five times what a client has to begin
        with pytest.raises(TimeoutError):
            read_all(client)
        client.settimeout(PATIENCE)
        client.sendall(PING)
        assert client.recv(4096).endswith(b"\x01\0\0\0\0" + b"12345678")


def test_nonsense_after_the_beginning_ends_that_connection_alone(server: Server) -> None:
    assert is_closed_after(server, PREFACE + SETTINGS + b"\xff" * 200)
    assert answers(server)


def test_any_number_of_pings_is_answered_and_keeps_nobody_else(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        answered = threading.Thread(target=read_all, args=(client,))
        answered.start()
        client.sendall(PREFACE + SETTINGS + PING * 50_000)
        assert answers(server)
        client.shutdown(socket.SHUT_RDWR)
        answered.join(PATIENCE)


def read_all(client: socket.socket) -> None:
    while client.recv(1 << 16):
        pass


@given(data=st.binary(max_size=300), begun=st.booleans())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_come_the_server_answers_others(server: Server, data: bytes, begun: bool) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        client.sendall((PREFACE + SETTINGS if begun else b"") + data)
    assert answers(server)


def test_a_connection_has_so_many_calls_at_once_and_the_others_wait() -> None:
    open_calls = Queue[Pending]()
    server = Server(open_calls.put, max_streams=3)
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = mixer_pb2_grpc.MixerStub(channel)
            allow_first(open_calls, stub.Check.future(mixer_pb2.CheckRequest(), timeout=PATIENCE))
            calls = [stub.Check.future(mixer_pb2.CheckRequest(), timeout=PATIENCE) for _ in range(5)]
            first = [open_calls.get(timeout=PATIENCE) for _ in range(3)]
            assert server.stats()["calls"] == 4
            for pending in first:
                allow(pending)
            for _ in range(2):
                allow(open_calls.get(timeout=PATIENCE))
            assert all(call.result(PATIENCE) for call in calls)
    finally:
        server.stop(0)


def allow_first(open_calls: Queue[Pending], call: grpc.Future[mixer_pb2.CheckResponse]) -> None:
    """After an answer the client knows the server's settings."""
    allow(open_calls.get(timeout=PATIENCE))
    call.result(PATIENCE)
