from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.spans import Span, is_sampled, span_of
from mizzen.mixer.expr import Timestamp
from mizzen.mixer.templates import TraceSpan

TRACE = "463ac35c9f6413ad48485a3953bb6124"
SPAN = "a2fb4a1d1a96d312"


def made(**fields: Any) -> Span | None:
    given = {"trace_id": TRACE, "span_id": SPAN, "start_time": Timestamp(5), "end_time": Timestamp(9), **fields}
    return span_of(TraceSpan("span.instance.ns", **given))


def span(**fields: Any) -> Span:
    found = made(**fields)
    assert found is not None
    return found


def test_identities_are_right_aligned() -> None:
    found = span(trace_id="48485a3953bb6124", span_id="ab", parent_span_id="0cd")
    assert found.trace_id.hex() == "0" * 16 + "48485a3953bb6124"
    assert found.span_id.hex() == "00000000000000ab"
    assert found.parent_id is not None
    assert found.parent_id.hex() == "00000000000000cd"


@pytest.mark.parametrize("text", ["", "xyz", "0", "0" * 32, "+1", "0x1f", "1_0", " 1", "٣", "1" * 33])
def test_what_is_no_identity_makes_no_span(text: str) -> None:
    assert made(trace_id=text) is None
    assert made(span_id=text) is None
    assert span(parent_span_id=text).parent_id is None


def test_a_span_identity_has_at_most_eight_bytes() -> None:
    assert made(span_id="1" * 17) is None


def test_a_span_needs_a_time_and_never_ends_before_it_starts() -> None:
    assert made(start_time=None, end_time=None) is None
    assert (span(start_time=None).start, span(end_time=None).end) == (9, 5)
    assert span(end_time=Timestamp(1)).end == 5


def test_both_sides_of_a_hop_get_identities_of_their_own() -> None:
    client = span(client_span=True, parent_span_id="07", rewrite_client_span_id=True)
    server = span(client_span=False, parent_span_id="07", rewrite_client_span_id=True)
    rewritten = f"{int(SPAN, 16) ^ 0x3F6A2EC3C810C2AB:016x}"
    assert client.span_id.hex() == rewritten
    assert client.parent_id == bytes([0] * 7 + [7])
    assert server.span_id.hex() == SPAN
    assert server.parent_id == client.span_id


def test_the_local_side_is_the_source_of_a_client_and_the_destination_of_a_server() -> None:
    sides = {"source_name": "web", "source_ip": bytes([1] * 4), "destination_name": "cart", "destination_ip": bytes(4)}
    client, server = span(client_span=True, **sides), span(**sides)
    assert (client.local_name, client.local_ip, client.peer_name) == ("web", bytes([1] * 4), "cart")
    assert (server.local_name, server.local_ip, server.peer_name) == ("cart", bytes(4), "web")
    assert span().local_name == "default"


def test_sampling_takes_the_share_of_traces_that_it_says() -> None:
    traces = [number.to_bytes(16, "big") for number in range(0, 2**64, 2**54)]
    assert sum(is_sampled(trace, 0.25) for trace in traces) == len(traces) / 4
    assert all(is_sampled(trace, 1.0) for trace in [*traces, b"\xff" * 16])
    assert not any(is_sampled(trace, 0.0) for trace in traces)


@given(st.binary(min_size=16, max_size=16), st.floats(0, 1), st.floats(0, 1))
def test_a_trace_sampled_at_one_rate_is_sampled_at_every_higher_one(trace: bytes, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert not is_sampled(trace, low) or is_sampled(trace, high)
    assert is_sampled(b"\xee" * 8 + trace[8:], low) == is_sampled(trace, low)


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_texts_make_a_span_or_none(trace: str, own: str, parent: str) -> None:
    found = made(trace_id=trace, span_id=own, parent_span_id=parent)
    assert found is None or (len(found.trace_id), len(found.span_id)) == (16, 8)
