"""Bounds of the native front: TLS, age and number of connections, deadlines."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
import trustme

from mizzen.wire import CheckCall, Pending, Server
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

PATIENCE = 20.0
CHECK = mixer_pb2.CheckRequest()
AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert("localhost")


def allow(pending: Pending) -> None:
    call = CheckCall(pending.request)
    call.reply()
    pending.answer(call.response())


def chain(certificate: trustme.LeafCert) -> tuple[bytes, bytes]:
    return b"".join(blob.bytes() for blob in certificate.cert_chain_pems), certificate.private_key_pem.bytes()


@contextmanager
def serving(handler: Any = allow, **settings: Any) -> Iterator[Server]:
    server = Server(handler, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop(0)


def check(server: Server, credentials: grpc.ChannelCredentials) -> grpc.StatusCode:
    with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
        try:
            mixer_pb2_grpc.MixerStub(channel).Check(CHECK, timeout=PATIENCE)
        except grpc.RpcError as error:
            failed: Any = error
            code: grpc.StatusCode = failed.code()
            return code
        return grpc.StatusCode.OK


def roots(authority: trustme.CA) -> bytes:
    return authority.cert_pem.bytes()


def test_tls_is_served() -> None:
    with serving(tls=(*chain(CERTIFICATE), None)) as server:
        assert check(server, grpc.ssl_channel_credentials(roots(AUTHORITY))) is grpc.StatusCode.OK
        assert check(server, grpc.ssl_channel_credentials(roots(trustme.CA()))) is grpc.StatusCode.UNAVAILABLE


def test_a_client_must_show_a_certificate_of_the_authority() -> None:
    clients, others = trustme.CA(), trustme.CA()
    with serving(tls=(*chain(CERTIFICATE), roots(clients))) as server:
        expected = [(clients, grpc.StatusCode.OK), (others, grpc.StatusCode.UNAVAILABLE)]
        for authority, code in expected:
            certificate, key = chain(authority.issue_cert("client"))
            assert check(server, grpc.ssl_channel_credentials(roots(AUTHORITY), key, certificate)) is code
        assert check(server, grpc.ssl_channel_credentials(roots(AUTHORITY))) is grpc.StatusCode.UNAVAILABLE
        assert server.stats()["handshake_failures"] >= 2


def test_new_connections_get_a_new_certificate_and_old_ones_go_on() -> None:
    successor = trustme.CA()
    with serving(tls=(*chain(CERTIFICATE), None)) as server:
        credentials = grpc.ssl_channel_credentials(roots(AUTHORITY))
        with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
            stub = mixer_pb2_grpc.MixerStub(channel)
            stub.Check(CHECK, timeout=PATIENCE)
            server.set_tls(*chain(successor.issue_cert("localhost")))
            stub.Check(CHECK, timeout=PATIENCE)
        assert check(server, grpc.ssl_channel_credentials(roots(successor))) is grpc.StatusCode.OK


def test_tls_that_is_not_accepted_says_what_and_the_old_one_stays() -> None:
    certificate, key = chain(CERTIFICATE)
    other_key = chain(AUTHORITY.issue_cert("localhost"))[1]
    wrong = {
        "certificate": (b"", key),
        "key": (certificate, b"no PEM"),
        "certificate and key": (certificate, other_key),
    }
    with serving(tls=(certificate, key, None)) as server:
        for what, pair in wrong.items():
            with pytest.raises(ValueError, match=f"TLS {what} is not accepted"):
                server.set_tls(*pair)
        with pytest.raises(ValueError, match="TLS client_ca is not accepted: holds no certificate"):
            server.set_tls(certificate, key, b"")
        assert check(server, grpc.ssl_channel_credentials(roots(AUTHORITY))) is grpc.StatusCode.OK


def test_tls_speaks_only_http2() -> None:
    context = ssl.create_default_context(cadata=roots(AUTHORITY).decode())
    context.set_alpn_protocols(["h2"])
    with serving(tls=(*chain(CERTIFICATE), None)) as server:
        plain = socket.create_connection(("127.0.0.1", server.port))
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            assert (wrapped.selected_alpn_protocol(), wrapped.version()) == ("h2", "TLSv1.3")


def test_a_connection_ends_gracefully_with_its_age() -> None:
    with serving(max_age=0.05) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = mixer_pb2_grpc.MixerStub(channel)
            while server.stats()["aged"] < 3:  # no call fails while connections come and go
                stub.Check(CHECK, timeout=PATIENCE, wait_for_ready=True)
        assert server.stats()["connections"] >= 3


def test_a_call_that_outlasts_the_age_is_answered_within_the_grace() -> None:
    held: list[Pending] = []
    entered = threading.Event()

    def hold(pending: Pending) -> None:
        held.append(pending)
        entered.set()

    with serving(hold, max_age=0.05) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = mixer_pb2_grpc.MixerStub(channel).Check.future(CHECK, timeout=PATIENCE)
        assert entered.wait(PATIENCE)
        while not server.stats()["aged"]:
            threading.Event().wait(0.005)
        allow(held[0])
        assert call.result(PATIENCE) is not None


def test_connections_beyond_the_limit_are_closed_at_once() -> None:
    with serving(max_connections=1) as server:
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address), socket.create_connection(address, timeout=PATIENCE) as refused:
            assert refused.recv(1) == b""
            assert server.stats()["refused"] == 1


def test_a_call_whose_deadline_passed_while_it_waited_is_not_handed_over() -> None:
    seen: list[Pending] = []
    entered, released = threading.Event(), threading.Event()

    def wait(pending: Pending) -> None:
        seen.append(pending)
        entered.set()
        released.wait(PATIENCE)
        allow(pending)

    with serving(wait) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = mixer_pb2_grpc.MixerStub(channel)
        first = stub.Check.future(CHECK, timeout=PATIENCE)
        assert entered.wait(PATIENCE)
        with pytest.raises(grpc.RpcError):  # the thread of the network is busy: this one waits until its deadline
            stub.Check(CHECK, timeout=0.05)
        released.set()
        assert first.result(PATIENCE) is not None
        stub.Check(CHECK, timeout=PATIENCE)
    assert len(seen) == 2


def test_two_servers_share_a_port_when_both_say_so() -> None:
    with serving(share_port=True) as first:
        with serving(port=first.port, share_port=True) as second:
            assert second.port == first.port
        with pytest.raises(OSError, match="in use"):
            Server(allow, port=first.port)


def test_the_headers_of_a_trace_reach_the_handler() -> None:
    traces: list[dict[str, str]] = []

    def remember(pending: Pending) -> None:
        traces.append(pending.trace)
        allow(pending)

    with serving(remember) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = mixer_pb2_grpc.MixerStub(channel)
        stub.Check(CHECK, timeout=PATIENCE, metadata=(("b3", "1-2-1"), ("authorization", "secret")))
        stub.Check(CHECK, timeout=PATIENCE)
    assert traces == [{"b3": "1-2-1"}, {}]
