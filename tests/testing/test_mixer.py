"""The fake Mixer, asked by an ordinary gRPC client."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest

from mizzen.testing import CheckAnswer, FakeMixer, QuotaAnswer, Reference, ReportAnswer
from mizzen.testing.answers import directive
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

INDEPENDENT = mixer_pb2.ReportRequest.INDEPENDENT_ENCODING


@pytest.fixture
def mixer() -> Iterator[FakeMixer]:
    with FakeMixer() as server:
        yield server


@pytest.fixture
def stub(mixer: FakeMixer) -> Iterator[mixer_pb2_grpc.MixerStub]:
    with grpc.insecure_channel(str(mixer.address)) as channel:
        yield mixer_pb2_grpc.MixerStub(channel)


def request(path: str = "/x", **quotas: int) -> mixer_pb2.CheckRequest:
    message = mixer_pb2.CheckRequest(global_word_count=222, deduplication_id="id0")
    message.attributes.words.append(path)
    message.attributes.strings[17] = -1
    for name, amount in quotas.items():
        message.quotas[name].amount = amount
    return message


def test_it_allows_and_records(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    response = stub.Check(request(tokens=5), timeout=10, metadata=(("x-key", "v"),))
    assert response.precondition.status.code == 0
    assert response.precondition.valid_use_count == 0
    assert not response.quotas
    (check,) = mixer.checks
    assert check.attributes == {"request.path": "/x"}
    assert (check.deduplication_id, check.global_word_count) == ("id0", 222)
    assert check.quotas == {"tokens": (5, False)}
    assert check.metadata["x-key"] == "v"


def test_an_answer_carries_everything_it_is_given(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    mixer.on_check = CheckAnswer(
        valid_for=1.5,
        uses=-1,
        references=[Reference("request.headers", "x"), Reference("source.uid", condition="ABSENCE")],
        directive=directive(request=[("APPEND", "a", "b")], code=302),
        quotas={"tokens": QuotaAnswer(3, 60.0)},
        metadata={"mizzen-generation": "7"},
    )
    response, call = stub.Check.with_call(request(tokens=5, others=1), timeout=10)
    precondition = response.precondition
    assert precondition.valid_duration.ToNanoseconds() == 1_500_000_000
    words = list(precondition.referenced_attributes.words)
    assert words == ["request.headers", "x", "source.uid"]
    matches = [
        (match.name, match.map_key, match.condition) for match in precondition.referenced_attributes.attribute_matches
    ]
    assert matches == [(-1, -2, 2), (-3, 0, 1)]
    assert precondition.route_directive.direct_response_code == 302
    assert {name: result.granted_amount for name, result in response.quotas.items()} == {"tokens": 3}
    assert ("mizzen-generation", "7") in call.initial_metadata()


def test_a_denial_grants_no_quota(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    mixer.on_check = CheckAnswer(7, "no", grant_all=True)
    response = stub.Check(request(tokens=5), timeout=10)
    assert (response.precondition.status.code, response.precondition.status.message) == (7, "no")
    assert not response.quotas


def test_answers_can_be_chosen_by_request(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    mixer.on_check = lambda check: CheckAnswer(7 if check.attributes["request.path"] == "/deny" else 0)
    codes = [stub.Check(request(path), timeout=10).precondition.status.code for path in ("/a", "/deny")]
    assert codes == [0, 7]


def test_it_fails_and_delays_when_told(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    mixer.on_check = CheckAnswer(grpc_code=grpc.StatusCode.INTERNAL, grpc_message="broken", delay=0.2)
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        stub.Check(request(), timeout=10)
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.INTERNAL, "broken")
    assert time.monotonic() - started >= 0.2


def test_it_ends_at_once_though_an_answer_is_delayed(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    mixer.on_check = CheckAnswer(delay=60.0)
    waiting = stub.Check.future(request(), timeout=30)
    mixer.wait_for_checks(1)
    started = time.monotonic()
    mixer.stop()
    assert time.monotonic() - started < 5.0
    with pytest.raises(grpc.RpcError):
        waiting.result()


def test_reports_are_recorded_bag_by_bag(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    report = mixer_pb2.ReportRequest(default_words=["/a", "/b"], repeated_attributes_semantics=INDEPENDENT)
    for index in (-1, -2):
        report.attributes.add().strings[17] = index
    stub.Report(report, timeout=10)
    assert mixer.wait_for_reports(2) == [{"request.path": "/a"}, {"request.path": "/b"}]
    assert mixer.wait_for_report("request.path", "/b") == {"request.path": "/b"}
    assert len(mixer.report_calls) == 1
    mixer.forget()
    assert mixer.reports == []
    with pytest.raises(TimeoutError, match=r"1 reports: not within 0.05 s; arrived: 0"):
        mixer.wait_for_reports(1, seconds=0.05)


def test_reports_can_fail(mixer: FakeMixer, stub: mixer_pb2_grpc.MixerStub) -> None:
    mixer.on_report = ReportAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(grpc.RpcError) as error:
        stub.Report(mixer_pb2.ReportRequest(), timeout=10)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
