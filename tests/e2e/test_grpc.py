"""gRPC passes over HTTP/2 without a flag, and a refusal is a proper gRPC status for the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import grpc
import pytest

from mizzen.testing import CheckAnswer, FakeMixer, GrpcBackend, ProxyProcess
from mizzen.testing.mixer import ReceivedCheck


@pytest.fixture(scope="module")
def backend() -> Iterator[GrpcBackend]:
    with GrpcBackend() as server:
        yield server


@pytest.fixture(scope="module")
def channel(proxy: ProxyProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(str(proxy.address)) as opened:
        yield opened


def test_a_unary_call_passes_with_its_trailers_and_is_reported(channel: grpc.Channel, fresh_mixer: FakeMixer) -> None:
    answer, call = GrpcBackend.unary_call(channel).with_call(b"hello", timeout=20)
    assert answer == b"hello"
    assert ("x-echo", "unary") in call.trailing_metadata()
    bag = fresh_mixer.wait_for_report("request.path", GrpcBackend.UNARY)
    assert bag["context.protocol"] == "grpc"
    assert bag["request.method"] == "POST"
    assert bag["response.grpc_status"] == "0"
    assert bag["response.code"] == 200


def test_streams_pass_in_both_directions(channel: grpc.Channel, fresh_mixer: FakeMixer) -> None:
    messages = [b"one", b"two", b"three"]
    assert list(GrpcBackend.stream_call(channel)(iter(messages), timeout=20)) == messages
    assert len(fresh_mixer.checks) == 1


def test_the_backends_own_status_reaches_caller_and_report(channel: grpc.Channel, fresh_mixer: FakeMixer) -> None:
    with pytest.raises(grpc.RpcError) as error:
        GrpcBackend.unary_call(channel)(b"fail:ALREADY_EXISTS", timeout=20)
    assert error.value.code() is grpc.StatusCode.ALREADY_EXISTS
    bag = fresh_mixer.wait_for_report("response.grpc_status", "6")
    assert bag["response.grpc_message"] == "asked to fail"


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0] not in (0, 13)])
def test_a_denial_is_the_callers_grpc_status(
    code: grpc.StatusCode, channel: grpc.Channel, fresh_mixer: FakeMixer, backend: GrpcBackend
) -> None:
    before = backend.calls
    number = code.value[0]
    fresh_mixer.on_check = CheckAnswer(number, "by policy")
    with pytest.raises(grpc.RpcError) as error:
        GrpcBackend.unary_call(channel)(b"hello", timeout=20)
    assert error.value.code() is code
    assert error.value.details() == f"{code.name}:by policy"
    assert backend.calls == before
    bag = fresh_mixer.wait_for_report("check.error_code", number)
    assert bag["check.error_message"] == f"{code.name}:by policy"


def test_64_calls_on_one_connection_get_each_its_own_decision(channel: grpc.Channel, fresh_mixer: FakeMixer) -> None:
    together = threading.Barrier(64)

    def decide(check: ReceivedCheck) -> CheckAnswer:
        together.wait(20.0)
        headers = check.attributes["request.headers"]
        return CheckAnswer(7 if isinstance(headers, Mapping) and int(headers["x-number"]) % 2 else 0)

    fresh_mixer.on_check = decide
    call = GrpcBackend.unary_call(channel)
    calls = [call.future(b"x", timeout=30, metadata=(("x-number", str(number)),)) for number in range(64)]
    codes = [call.code() for call in calls]
    assert codes == [grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED] * 32
