from __future__ import annotations

import pytest

from mizzen.client.answer import decode_answer
from mizzen.client.show import answer_text
from mizzen.wire import CheckCall, HeaderOperation, QuotaResult, RouteDirective, encode_check_request


def encoded() -> bytes:
    call = CheckCall(encode_check_request({"source.user": "bob", "request.headers": {"x": "1"}, "my.own": 5}))
    for name in ("my.own", "source.user", "source.ip"):
        call.get(name)
    call.get_key("request.headers", "x")
    directive = RouteDirective([HeaderOperation("a", "b", "APPEND")], [HeaderOperation("c", "", "REMOVE")], 302, "go")
    quotas = {"rq": QuotaResult(3, 2.5, 0, "", call.mark()), "none": QuotaResult(0, None, 8, "spent")}
    call.reply(7, "no", 1.5, 10, directive, quotas)
    return call.response()


def test_an_answer_is_read_as_a_proxy_reads_it() -> None:
    answer = decode_answer(encoded(), "g-1", "d-1")
    assert (answer.code, answer.message, answer.valid_for, answer.uses) == (7, "no", 1.5, 10)
    assert [str(reference) for reference in answer.referenced] == [
        "my.own EXACT", "request.headers::x EXACT", "source.ip ABSENCE", "source.user EXACT",
    ]  # fmt: skip
    quotas = {quota.name: (quota.granted, quota.valid_for, len(quota.referenced)) for quota in answer.quotas}
    assert quotas == {"rq": (3, 2.5, 4), "none": (0, None, 0)}
    assert answer.refused_quotas == ["none"]
    assert answer.directive["direct_response_code"] == 302
    assert not answer.is_allowed
    entry = answer.to_dict()
    assert (entry["generation"], entry["decision_id"]) == ("g-1", "d-1")
    assert entry["status"] == {"code": 7, "name": "PERMISSION_DENIED", "message": "no"}


def test_a_quota_that_grants_nothing_is_a_refusal() -> None:
    call = CheckCall(encode_check_request({}))
    call.reply(quotas={"rq": QuotaResult(0)})
    assert not decode_answer(call.response()).is_allowed
    call.reply(quotas={"rq": QuotaResult(1)})
    assert decode_answer(call.response()).is_allowed


def test_an_answer_is_shown_with_everything_in_it() -> None:
    assert answer_text(decode_answer(encoded(), "g-1", "d-1")).splitlines() == [
        "Check RPC completed successfully. Check status was PERMISSION_DENIED (no)",
        "  Valid use count: 10, valid duration: 1.5s",
        "  Decision: d-1",
        "  Configuration generation: g-1",
        "  Referenced attributes",
        "    my.own EXACT",
        "    request.headers::x EXACT",
        "    source.ip ABSENCE",
        "    source.user EXACT",
        "  Quotas",
        "    QUOTA   GRANTED   VALID FOR   STATUS",
        "    none    0         for ever    RESOURCE_EXHAUSTED (spent)",
        "    rq      3         2.5s        OK",
        "  Direct response: 302",
        '    body "go"',
        "  Operations on request headers",
        "    APPEND a: b",
        "  Operations on response headers",
        "    REMOVE c",
    ]


@pytest.mark.parametrize("data", [b"\xff", b"\x12\x06\x2a\x04\x12\x02\x08\xcf"])
def test_bytes_that_are_no_answer_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="is no CheckResponse"):
        decode_answer(data)


def test_a_word_that_no_dictionary_has_is_refused() -> None:
    from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2

    response = mixer_pb2.CheckResponse()
    response.precondition.referenced_attributes.attribute_matches.add(name=-9)
    with pytest.raises(ValueError, match="word -9, which is in no dictionary"):
        decode_answer(response.SerializeToString())
