from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.tracing.context import Parent, sampled_parent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = Parent(int(TRACE, 16), int(SPAN, 16))
SHORT = Parent(int(TRACE[16:], 16), int(SPAN, 16))


@pytest.mark.parametrize(
    ("headers", "parent"),
    [
        ({"traceparent": f"00-{TRACE}-{SPAN}-01"}, PARENT),
        ({"traceparent": f"cc-{TRACE}-{SPAN}-09-what-comes-later"}, PARENT),
        ({"b3": f"{TRACE}-{SPAN}-1"}, PARENT),
        ({"b3": f"{TRACE}-{SPAN}-d-05e3ac9a4f6e3b90"}, PARENT),
        ({"b3": f"{TRACE[16:]}-{SPAN.upper()}-1"}, SHORT),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "1"}, PARENT),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "true"}, PARENT),
        ({"traceparent": "nonsense", "b3": f"{TRACE}-{SPAN}-1"}, PARENT),
        # not sampled, or no decision
        ({"traceparent": f"00-{TRACE}-{SPAN}-00"}, None),
        ({"traceparent": f"00-{TRACE}-{SPAN}-00", "b3": f"{TRACE}-{SPAN}-1"}, None),
        ({"b3": f"{TRACE}-{SPAN}-0"}, None),
        ({"b3": f"{TRACE}-{SPAN}"}, None),
        ({"b3": "0"}, None),
        ({"b3": "1"}, None),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN}, None),
        ({"x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-sampled": "0"}, None),
        # no context
        ({}, None),
        ({"x-b3-sampled": "1"}, None),
        ({"traceparent": f"00-{TRACE}-{'0' * 16}-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{TRACE}-{SPAN}-01-more"}, None),
        ({"traceparent": f"ff-{TRACE}-{SPAN}-01"}, None),
        ({"traceparent": f"00-{TRACE.upper()}-{SPAN}-01"}, None),
    ],
)
def test_only_sampled_calls_with_a_context_have_a_parent(headers: dict[str, str], parent: Parent | None) -> None:
    assert sampled_parent(headers) == parent


@given(
    st.dictionaries(st.sampled_from(["traceparent", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]), st.text())
)
def test_no_headers_are_a_fault(headers: dict[str, str]) -> None:
    sampled_parent(headers)
