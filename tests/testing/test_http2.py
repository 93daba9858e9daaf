"""The servers that misbehave do so as their scripts say, seen by an independent client."""

from __future__ import annotations

import grpc
import pytest

from mizzen.testing import CloseConnection, ScriptedHttp2, SendData, SendHeaders, SendReset
from mizzen.testing.http2 import Step, literal
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

GRPC = SendHeaders([(":status", "200"), ("content-type", "application/grpc")])
OK = SendHeaders([("grpc-status", "0")], end=True)


def check(server: ScriptedHttp2, seconds: float = 5.0) -> mixer_pb2.CheckResponse:
    with grpc.insecure_channel(str(server.address), options=[("grpc.enable_retries", 0)]) as channel:
        response: mixer_pb2.CheckResponse = mixer_pb2_grpc.MixerStub(channel).Check(
            mixer_pb2.CheckRequest(), timeout=seconds
        )
        return response


def test_a_whole_answer_is_taken_for_one_and_the_script_can_be_changed() -> None:
    answer = mixer_pb2.CheckResponse()
    answer.precondition.status.code = 7
    message = answer.SerializeToString()
    with ScriptedHttp2([GRPC, SendData(b"\0" + len(message).to_bytes(4, "big") + message), OK]) as server:
        assert check(server) == answer
        server.script = [GRPC, SendHeaders([("grpc-status", "5"), ("grpc-message", "none")], end=True)]
        with pytest.raises(grpc.RpcError) as raised:
            check(server)
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.NOT_FOUND, "none")
        assert server.requests == 2


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([GRPC, SendReset(2)], grpc.StatusCode.INTERNAL),
        ([CloseConnection()], grpc.StatusCode.UNAVAILABLE),
        ([], grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
    ids=["reset", "close", "silence"],
)
def test_a_broken_answer_fails_as_written(script: list[Step], code: grpc.StatusCode) -> None:
    with ScriptedHttp2(script) as server, pytest.raises(grpc.RpcError) as raised:
        check(server, 0.5)
    assert raised.value.code() == code


def test_a_field_that_needs_a_longer_coding_is_refused() -> None:
    assert literal("a" * 126)[0] == 126
    with pytest.raises(ValueError, match="at most 126 bytes, got 127"):
        literal("a" * 127)
