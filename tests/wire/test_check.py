"""A CheckCall remembers what was looked up, and answers with it."""

from __future__ import annotations

import pytest

from mizzen.wire import (
    GLOBAL_WORDS,
    CheckCall,
    DictionaryMismatchError,
    Duration,
    HeaderOperation,
    QuotaParams,
    QuotaResult,
    RouteDirective,
    Value,
    WireError,
    encode_check_request,
)
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2

from . import golden, peer

HEADERS = {":path": "/echo", "x-team": "blue"}


def call(limit: int = 222, /, **attributes: Value) -> CheckCall:
    """A call with these attributes, `__` for a dot."""
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return CheckCall(encode_check_request(named, global_word_count=limit))


def answer(to: CheckCall) -> mixer_pb2.CheckResponse:
    return mixer_pb2.CheckResponse.FromString(to.response())


def answered_references(to: CheckCall) -> list[tuple[str, str | None, str]]:
    to.reply()
    return peer.references(answer(to).precondition.referenced_attributes)


# Look-ups and what they leave behind


def test_an_attribute_found_is_exact_and_one_not_found_absent() -> None:
    check = call(source__uid="u")
    assert (check.get("source.uid"), check.get("source.user")) == ("u", None)
    assert check.referenced() == [("source.uid", None, "EXACT"), ("source.user", None, "ABSENCE")]


def test_a_key_found_is_exact_and_one_not_found_absent() -> None:
    check = call(request__headers=HEADERS)
    assert (check.get_key("request.headers", "x-team"), check.get_key("request.headers", "cookie")) == ("blue", None)
    assert check.referenced() == [
        ("request.headers", "x-team", "EXACT"),
        ("request.headers", "cookie", "ABSENCE"),
    ]


def test_a_key_of_an_absent_map_refers_to_the_map() -> None:
    check = call(source__uid="u")
    assert check.get_key("request.headers", "x-team") is None
    assert check.referenced() == [("request.headers", None, "ABSENCE")]


def test_a_map_read_whole_is_referred_to_as_a_whole() -> None:
    check = call(request__headers=HEADERS)
    assert check.get("request.headers") == HEADERS
    assert answered_references(check) == [("request.headers", None, "EXACT")]


def test_a_key_of_what_is_no_map_is_a_type_error_that_depends_on_the_value() -> None:
    check = call(source__uid="u")
    with pytest.raises(TypeError, match=r"attribute source\.uid is no string map"):
        check.get_key("source.uid", "x")
    assert check.referenced() == [("source.uid", None, "EXACT")]


def test_presence_of_a_map_leaves_no_mark_and_everything_else_does() -> None:
    check = call(request__headers=HEADERS, source__uid="u")
    assert (check.has("request.headers"), check.has("source.uid"), check.has("source.labels")) == (True, True, False)
    assert check.referenced() == [("source.uid", None, "EXACT"), ("source.labels", None, "ABSENCE")]


def test_references_stand_once_and_in_the_order_of_the_first_look_up() -> None:
    check = call(source__uid="u", request__headers=HEADERS)
    for _ in range(3):
        check.get("source.user")
        check.get("source.uid")
        check.get_key("request.headers", "x-team")
    assert [name for name, _, _ in check.referenced()] == ["source.user", "source.uid", "request.headers"]


def test_many_references_stay_distinct() -> None:
    names = [f"attribute.{number}" for number in range(100)]
    check = CheckCall(encode_check_request({name: name for name in names[::2]}))
    for name in [*names, *names]:
        check.get(name)
    assert check.referenced() == [
        (name, None, "ABSENCE" if number % 2 else "EXACT") for number, name in enumerate(names)
    ]


def test_look_ups_in_the_bag_leave_no_mark() -> None:
    bag = (check := call(source__uid="u", request__headers=HEADERS)).bag()
    assert (bag.get("source.uid"), bag.get_key("request.headers", "x-team"), "x" in bag) == ("u", "blue", False)
    assert check.referenced() == []


# Marks


def test_rewinding_forgets_what_was_looked_up_since() -> None:
    check = call(source__uid="u")
    check.get("source.uid")
    mark = check.mark()
    check.get("source.user")
    assert (len(mark), list(mark)) == (1, [("source.uid", None, "EXACT")])
    check.rewind(mark)
    check.get("source.name")
    assert [name for name, _, _ in check.referenced()] == ["source.uid", "source.name"]
    assert len(mark) == 1


def test_marks_of_another_call_are_refused() -> None:
    mark = call(source__uid="u").mark()
    with pytest.raises(RuntimeError, match="another call"):
        call(source__uid="u").rewind(mark)


def test_each_quota_carries_references_of_its_own() -> None:
    check = call(source__uid="u", source__name="n")
    check.get("source.uid")
    after_preprocessing = check.mark()
    check.get("source.name")
    precondition = check.mark()
    check.rewind(after_preprocessing)
    check.get("source.user")
    check.reply(quotas={"q": QuotaResult(5, 10, referenced=check.mark())}, referenced=precondition)
    response = answer(check)
    names = [name for name, _, _ in peer.references(response.precondition.referenced_attributes)]
    assert names == ["source.uid", "source.name"]
    quota = response.quotas["q"]
    assert [name for name, _, _ in peer.references(quota.referenced_attributes)] == ["source.uid", "source.user"]
    assert (quota.granted_amount, quota.valid_duration.seconds) == (5, 10)


# The answer


def test_the_default_answer_allows_for_a_minute() -> None:
    check = call(source__uid="u")
    before = check.replied
    check.reply()
    assert (before, check.replied) == (False, True)
    precondition = answer(check).precondition
    assert not precondition.HasField("status")
    assert (precondition.valid_duration.seconds, precondition.valid_use_count) == (60, 10_000)
    assert not precondition.HasField("route_directive")


def test_the_last_answer_stands() -> None:
    check = call()
    check.reply(7, "no")
    check.reply(16, "who are you")
    status = answer(check).precondition.status
    assert (status.code, status.message) == (16, "who are you")


def test_there_is_no_response_before_an_answer() -> None:
    with pytest.raises(RuntimeError, match="call reply"):
        call().response()


@pytest.mark.parametrize(
    ("valid_for", "seconds", "nanos"),
    [(0, 0, 0), (1.5, 1, 500_000_000), (0.999_999_999_9, 1, 0), (Duration(2_000_000_001), 2, 1)],
)
def test_validity_is_seconds_or_a_duration(valid_for: float | Duration, seconds: int, nanos: int) -> None:
    check = call()
    check.reply(valid_for=valid_for)
    precondition = answer(check).precondition
    assert precondition.HasField("valid_duration")
    assert (precondition.valid_duration.seconds, precondition.valid_duration.nanos) == (seconds, nanos)


def test_validity_none_is_without_end() -> None:
    check = call()
    check.reply(valid_for=None)
    assert not answer(check).precondition.HasField("valid_duration")


@pytest.mark.parametrize("valid_for", [-0.5, float("nan"), float("inf"), 1e30, Duration(-1)])
def test_an_impossible_validity_is_refused(valid_for: float | Duration) -> None:
    check = call()
    with pytest.raises(ValueError, match="valid_for"):
        check.reply(valid_for=valid_for)
    with pytest.raises(ValueError, match="valid_for"):
        QuotaResult(1, valid_for)


def test_a_directive_arrives_whole() -> None:
    check = call()
    before = [HeaderOperation("x-a", "1"), HeaderOperation("x-b", operation="REMOVE")]
    after = [HeaderOperation("x-c", "2", "APPEND")]
    check.reply(directive=RouteDirective(before, after, 302, "moved"))
    directive = answer(check).precondition.route_directive
    operations = mixer_pb2.HeaderOperation
    assert list(directive.request_header_operations) == [
        operations(name="x-a", value="1"),
        operations(name="x-b", operation=operations.REMOVE),
    ]
    assert list(directive.response_header_operations) == [
        operations(name="x-c", value="2", operation=operations.APPEND)
    ]
    assert (directive.direct_response_code, directive.direct_response_body) == (302, "moved")


def test_a_bad_directive_is_refused_with_what_is_accepted() -> None:
    with pytest.raises(ValueError, match='"SET" is not one of REPLACE, REMOVE, APPEND'):
        HeaderOperation("x", "y", "SET")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="name of a header"):
        HeaderOperation("")
    with pytest.raises(ValueError, match="99 is no HTTP status"):
        RouteDirective(direct_response_code=99)


def test_references_use_only_words_the_client_knows() -> None:
    check = call(111, context__protocol="http", request__method="GET")
    check.get("context.protocol")
    check.get("request.method")
    check.reply()
    referenced = answer(check).precondition.referenced_attributes
    assert list(referenced.words) == ["context.protocol"]
    assert [match.name for match in referenced.attribute_matches] == [-1, GLOBAL_WORDS.index("request.method")]


def test_a_key_that_is_global_word_0_is_not_taken_for_no_key() -> None:
    check = call(request__headers={"source.ip": "x"})
    check.get_key("request.headers", "source.ip")
    assert answered_references(check) == [("request.headers", "source.ip", "EXACT")]


def test_a_quota_that_failed_carries_its_status() -> None:
    check = call()
    check.reply(quotas={"q": QuotaResult(0, None, 14, "no backend")})
    quota = answer(check).quotas["q"]
    assert (quota.granted_amount, quota.status.code, quota.status.message) == (0, 14, "no backend")
    assert not quota.HasField("valid_duration")


# The request


def test_a_call_knows_peer_and_quotas() -> None:
    quotas = {"a": QuotaParams(1), "b": QuotaParams(2, best_effort=True)}
    check = CheckCall(encode_check_request({}, deduplication_id="d", quotas=quotas), peer="127.0.0.1:5")
    assert (check.peer, check.deduplication_id, check.quotas) == ("127.0.0.1:5", "d", quotas)


def test_a_client_with_more_words_is_refused() -> None:
    request = mixer_pb2.CheckRequest(global_word_count=223).SerializeToString()
    with pytest.raises(DictionaryMismatchError, match="inconsistent global dictionary versions used"):
        CheckCall(request)


def test_the_messages_own_word_wins_over_the_global_one() -> None:
    request = mixer_pb2.CheckRequest()
    request.attributes.words.append("source.uid")
    request.attributes.int64s[GLOBAL_WORDS.index("source.uid")] = 1
    request.attributes.int64s[-1] = 2
    assert CheckCall(request.SerializeToString()).bag().to_dict() == {"source.uid": 2}


def test_a_global_word_above_the_clients_count_is_understood() -> None:
    request = mixer_pb2.CheckRequest(global_word_count=111)
    request.attributes.strings[GLOBAL_WORDS.index("context.protocol")] = GLOBAL_WORDS.index("http")
    assert CheckCall(request.SerializeToString()).get("context.protocol") == "http"


@pytest.mark.parametrize("undefined", [222, 2**31 - 1, -2, -(2**31)])
def test_an_undefined_word_reads_as_absent(undefined: int) -> None:
    request = mixer_pb2.CheckRequest()
    request.attributes.words.append("only")
    request.attributes.strings[GLOBAL_WORDS.index("source.uid")] = undefined
    request.attributes.int64s[undefined] = 1
    request.attributes.string_maps[GLOBAL_WORDS.index("request.headers")].entries[-1] = undefined
    request.attributes.string_maps[GLOBAL_WORDS.index("source.labels")].entries[undefined] = -1
    check = CheckCall(request.SerializeToString())
    assert check.bag().to_dict() == {}
    assert check.get("source.uid") is None
    assert check.get_key("request.headers", "only") is None
    assert check.get("source.labels") is None
    assert {(name, key, condition) for name, key, condition in check.referenced()} == {
        ("source.uid", None, "ABSENCE"),
        ("request.headers", None, "ABSENCE"),
        ("source.labels", None, "ABSENCE"),
    }


def test_one_name_under_several_types_reads_in_the_order_of_the_original() -> None:
    index = GLOBAL_WORDS.index("source.uid")
    request = mixer_pb2.CheckRequest()
    request.attributes.bytes[index] = b"x"
    request.attributes.int64s[index] = 5
    assert CheckCall(request.SerializeToString()).get("source.uid") == 5
    request.attributes.strings[index] = GLOBAL_WORDS.index("http")
    assert CheckCall(request.SerializeToString()).bag().to_dict() == {"source.uid": "http"}


def test_a_long_dictionary_is_searched_as_well() -> None:
    bag: dict[str, Value] = {f"attribute.{number}": f"value {number}" for number in range(500)}
    check = CheckCall(encode_check_request(bag))
    assert check.bag().to_dict() == bag
    assert check.get("attribute.321") == "value 321"


@pytest.mark.parametrize(
    ("request_bytes", "problem"),
    [
        (b"\x0a\x05abc", "a length beyond the end at byte 1"),
        (b"\x10", "a number cut short"),
        (b"\x10" + b"\xff" * 11, "more than ten bytes"),
        (b"\x00\x01", "a field number out of range"),
        (b"\x0c", "the end of a group that never began"),
        (b"\x0f", "an undefined wire type"),
        (b"\x0a\x06\x12\x04\x08", "a length beyond the end"),
        (b"\x0b" * 200, "groups nested too deep"),
    ],
)
def test_malformed_bytes_are_refused_with_what_is_wrong_and_where(request_bytes: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        CheckCall(request_bytes)


def test_text_that_is_not_utf_8_reads_with_replacement_characters() -> None:
    request = encode_check_request({"request.headers": {"x-team": "blue"}}, deduplication_id="id")
    check = CheckCall(request.replace(b"blue", b"bl\xffe").replace(b"id", b"\xfe\xfe"))
    assert check.get_key("request.headers", "x-team") == "bl\ufffde"
    assert check.deduplication_id == "\ufffd\ufffd"


def test_unknown_fields_are_passed_over() -> None:
    unknown = b"\xf8\x07\x05" + b"\xfb\x07\x08\x01\xfc\x07" + b"\xfd\x07abcd" + b"\xf9\x07abcdefgh" + b"\xfa\x07\x01x"
    assert CheckCall(unknown + golden.CHECKS[0].encoded + unknown).bag().to_dict() == golden.BAG_A


def test_no_value_shows_in_a_representation() -> None:
    check = CheckCall(encode_check_request({"request.headers": {"authorization": "secret"}}), peer="ipv4:127.0.0.1:5")
    assert repr(check) == 'CheckCall(1 attributes, peer="ipv4:127.0.0.1:5")'
    assert repr(check.bag()) == "Bag(1 attributes)"


def test_other_objects_are_type_errors() -> None:
    for request in ("text", 5, None):
        with pytest.raises(TypeError):
            CheckCall(request)  # type: ignore[arg-type]
    check = call()
    with pytest.raises(TypeError):
        check.get(5)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        check.get("\ud800")
