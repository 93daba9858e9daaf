from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mizzen.mixer.adapters import CheckResult, Status
from mizzen.mixer.tracing.spans import TracedCall, Tracing

B3 = {"b3": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"}


class Stage:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracing = Tracing(self.exporter, SimpleSpanProcessor(self.exporter))

    def begin(self) -> TracedCall:
        call = self.tracing.begin("Check", B3, "ipv4:127.0.0.1:1", 0.5)
        assert call is not None
        return call

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.tracing.close()


def test_a_call_is_a_server_span_of_the_callers_trace_that_began_when_it_came_in(stage: Stage) -> None:
    stage.begin().end(0, "")
    span = stage.spans()["istio.mixer.v1.Mixer/Check"]
    assert span.kind is SpanKind.SERVER
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    assert span.attributes is not None
    assert span.attributes["rpc.grpc.status_code"] == 0
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time >= 500_000_000


def test_a_call_that_fails_says_so(stage: Stage) -> None:
    stage.begin().end(13, "broken")
    status = stage.spans()["istio.mixer.v1.Mixer/Check"].status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "broken")


def test_a_call_without_a_sampled_trace_has_no_span(stage: Stage) -> None:
    assert stage.tracing.begin("Check", {"b3": "0"}, "", 0) is None


def test_an_adapter_that_is_asked_is_a_child_with_its_answer(stage: Stage) -> None:
    call = stage.begin()
    answer = CheckResult(Status(7, "no"))
    assert call.around("checknothing", "h", "denier", lambda: answer) is answer
    call.end(0, "")
    spans = stage.spans()
    child = spans["checknothing:h(denier)"]
    assert child.parent is not None
    assert child.parent.span_id == spans["istio.mixer.v1.Mixer/Check"].context.span_id
    assert child.attributes is not None
    assert child.attributes["response_code"] == "PERMISSION_DENIED"


def test_an_answer_that_comes_later_ends_its_span_then(stage: Stage) -> None:
    future: Future[CheckResult] = Future()

    def ask() -> CheckResult | Future[CheckResult]:
        return future

    stage.begin().around("checknothing", "h", "slow", ask)
    assert stage.spans() == {}
    future.set_result(CheckResult())
    assert stage.spans()["checknothing:h(slow)"].status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("later", [True, False])
def test_an_adapter_that_fails_says_so(stage: Stage, later: bool) -> None:
    def ask() -> CheckResult | Future[CheckResult]:
        if not later:
            raise RuntimeError("broken")
        future: Future[CheckResult] = Future()
        future.set_exception(RuntimeError("broken"))
        return future

    try:
        stage.begin().around("checknothing", "h", "bad", ask)
    except RuntimeError:
        assert not later
    status = stage.spans()["checknothing:h(bad)"].status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "broken")
