from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from mizzen.mixer.adapters.otlp.answers import refused_of


@pytest.mark.parametrize(("count", "refused"), [(0, 0), (3, 3), (-3, 0)])
def test_the_partial_success_tells_what_was_refused(count: int, refused: int) -> None:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = count
    assert refused_of(ExportTraceServiceResponse, "rejected_spans", answer.SerializeToString()) == refused


@given(st.binary(max_size=60))
def test_any_answer_is_read(answer: bytes) -> None:
    assert refused_of(ExportTraceServiceResponse, "rejected_spans", answer) >= 0
