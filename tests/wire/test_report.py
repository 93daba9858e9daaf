"""A ReportCall gives the records that were sent, in both encodings, or groups of them."""

from __future__ import annotations

import pytest

from mizzen.wire import (
    GLOBAL_WORDS,
    DictionaryMismatchError,
    Duration,
    Plan,
    ReportCall,
    Timestamp,
    Value,
    WireError,
    encode_report_request,
)
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2

from . import peer


def word(text: str) -> int:
    return GLOBAL_WORDS.index(text)


def records(call: ReportCall) -> list[dict[str, Value]]:
    return [bag.to_dict() for bag in call.bags()]


# Records


def test_independent_records_stand_alone() -> None:
    sent: list[dict[str, Value]] = [{"source.uid": "a", "x": 1}, {"source.uid": "b"}]
    assert records(ReportCall(encode_report_request(sent))) == sent


def test_a_delta_record_is_what_the_bags_so_far_add_up_to() -> None:
    call = ReportCall(peer.report_request([{"source.uid": "a", "x": 1}, {"x": 2}, {}, {"y": "z"}], delta=True))
    assert records(call) == [
        {"source.uid": "a", "x": 1},
        {"source.uid": "a", "x": 2},
        {"source.uid": "a", "x": 2},
        {"source.uid": "a", "x": 2, "y": "z"},
    ]
    assert (len(call), call.errors) == (4, [])


def test_delta_is_the_encoding_when_none_is_named() -> None:
    request = mixer_pb2.ReportRequest()
    request.attributes.add().strings[word("source.uid")] = word("http")
    request.attributes.add().int64s[word("source.port")] = 1
    assert records(ReportCall(request.SerializeToString()))[1] == {"source.uid": "http", "source.port": 1}


def test_a_delta_may_change_the_type_of_an_attribute() -> None:
    call = ReportCall(peer.report_request([{"x": "text"}, {"x": 5}], delta=True))
    assert records(call) == [{"x": "text"}, {"x": 5}]


@pytest.mark.parametrize("delta", [False, True])
def test_bags_with_words_of_their_own_are_read_with_these(delta: bool) -> None:
    sent: list[dict[str, Value]] = [
        {"b": "first", "a": "x", "m": {"k": "v"}},
        {"a": "second", "b": "y", "m": {"l": "w"}},
        {"b": "third", "a": "x", "m": {"k": "v"}},
    ]
    assert records(ReportCall(peer.report_request(sent, own_words=True, delta=delta))) == sent


def test_a_bag_without_words_of_its_own_takes_the_default_ones() -> None:
    request = mixer_pb2.ReportRequest(default_words=["shared"])
    request.repeated_attributes_semantics = mixer_pb2.ReportRequest.INDEPENDENT_ENCODING
    request.attributes.add().strings[word("source.uid")] = -1
    own = request.attributes.add()
    own.words.append("own")
    own.strings[word("source.uid")] = -1
    assert records(ReportCall(request.SerializeToString())) == [{"source.uid": "shared"}, {"source.uid": "own"}]


def test_a_report_of_nothing_is_a_report() -> None:
    call = ReportCall(b"", peer="127.0.0.1:5")
    assert (len(call), records(call), call.errors, call.peer) == (0, [], [], "127.0.0.1:5")


def test_bags_outlive_the_call() -> None:
    bags = list(ReportCall(encode_report_request([{"source.uid": "a"}])).bags())
    assert bags[0]["source.uid"] == "a"


def test_a_bag_reads_like_a_mapping() -> None:
    sent: dict[str, Value] = {"source.uid": "a", "request.headers": {"x": "y"}, "d": Duration(5), "t": Timestamp(5)}
    bag = next(ReportCall(encode_report_request([sent])).bags())
    assert (len(bag), set(bag), set(bag.keys())) == (4, set(sent), set(sent))
    assert {name: bag[name] for name in bag} == sent
    assert (bag.get("x"), bag.get_key("request.headers", "x"), bag.get_key("request.headers", "z")) == (None, "y", None)
    assert ("source.uid" in bag, bag.has("source.user")) == (True, False)
    with pytest.raises(KeyError, match=r"source\.user"):
        bag["source.user"]
    with pytest.raises(TypeError, match="no string map"):
        bag.get_key("source.uid", "x")


# Bad bags


def delta_with(bad: mixer_pb2.ReportRequest) -> ReportCall:
    bad.attributes.add().int64s[word("response.code")] = 200
    return ReportCall(bad.SerializeToString())


def test_a_delta_bag_with_undefined_words_is_an_error_and_what_is_good_of_it_counts() -> None:
    request = mixer_pb2.ReportRequest()
    request.attributes.add().int64s[word("source.port")] = 1
    bad = request.attributes.add()
    bad.int64s[word("source.port")] = 2
    bad.strings[word("source.uid")] = -9
    bad.bools[555] = True
    call = delta_with(request)
    assert records(call) == [{"source.port": 1}, {"source.port": 2, "response.code": 200}]
    ((number, problem),) = call.errors
    assert (number, len(call)) == (1, 3)
    assert "attribute source.uid has a word index not defined" in problem
    assert "attribute name index 555 is not defined" in problem


def test_a_delta_bag_with_one_name_under_two_types_is_an_error() -> None:
    request = mixer_pb2.ReportRequest()
    request.attributes.add()
    bad = request.attributes.add()
    bad.strings[word("source.uid")] = word("http")
    bad.int64s[word("source.uid")] = 1
    call = delta_with(request)
    assert call.errors == [(1, "duplicate attribute source.uid")]
    assert records(call) == [{}, {"source.uid": "http", "response.code": 200}]


def test_the_first_bag_and_independent_ones_read_what_is_undefined_as_absent() -> None:
    for semantics in mixer_pb2.ReportRequest.RepeatedAttributesSemantics.values():
        request = mixer_pb2.ReportRequest(repeated_attributes_semantics=semantics)
        first = request.attributes.add()
        first.strings[word("source.uid")] = -9
        first.int64s[word("source.port")] = 1
        call = ReportCall(request.SerializeToString())
        assert (records(call), call.errors) == ([{"source.port": 1}], [])


def test_a_client_with_more_words_is_refused() -> None:
    request = mixer_pb2.ReportRequest(global_word_count=223).SerializeToString()
    with pytest.raises(DictionaryMismatchError, match="the client uses 223 words, the server knows 222"):
        ReportCall(request)


def test_malformed_bytes_are_refused() -> None:
    with pytest.raises(WireError, match="a number cut short"):
        ReportCall(b"\x0a\x04\x1a\x02\x08\x80")


def test_default_words_that_are_not_utf_8_read_with_replacement_characters() -> None:
    report = encode_report_request([{"source.uid": "team"}]).replace(b"team", b"te\xffm")
    assert records(ReportCall(report)) == [{"source.uid": "te\ufffdm"}]


def test_deltas_that_add_up_to_too_much_are_refused() -> None:
    request = mixer_pb2.ReportRequest()
    for number in range(2_000):
        request.default_words.append(f"attribute.{number}")
    first = request.attributes.add()
    for number in range(2_000):
        first.int64s[-1 - number] = number
    for _ in range(1_000):
        request.attributes.add().int64s[-1] = 1
    with pytest.raises(WireError, match="send fewer bags in one report"):
        ReportCall(request.SerializeToString())


def test_a_report_of_too_many_bags_is_refused() -> None:
    assert len(ReportCall(b"\x0a\x00" * 65_536 + b"\x20\x01")) == 65_536
    with pytest.raises(WireError, match="more than 65536 bags"):
        ReportCall(b"\x0a\x00" * 65_537)


def test_the_problems_of_one_bag_are_told_in_bounded_length() -> None:
    request = mixer_pb2.ReportRequest()
    request.attributes.add()
    bad = request.attributes.add()
    for index in range(300, 400):
        bad.bools[index] = True
    ((_, problem),) = ReportCall(request.SerializeToString()).errors
    assert problem.endswith("; and 96 more")
    assert len(problem) < 500


# Groups


def traffic() -> list[dict[str, Value]]:
    return [
        {
            "destination.service.host": host,
            "request.headers": {"x-team": team},
            "response.code": code,
            "response.duration": Duration(1_500_000_000),
            "response.size": size,
        }
        for host, team, code, size in [("a", "red", 200, 10), ("b", "red", 200, 20), ("a", "red", 200, 30)]
    ]


PLAN = Plan(
    [("destination.service.host", None), ("request.headers", "x-team"), ("response.code", None), ("source.uid", None)],
    ["response.size", "response.duration", "request.size", "destination.service.host"],
)
GROUPS = [
    (("a", "red", 200, None), [0, 2], ([10.0, 30.0], [1.5, 1.5], None, None)),
    (("b", "red", 200, None), [1], ([20.0], [1.5], None, None)),
]
Row = tuple[tuple[Value | None, ...], list[int], tuple[list[float] | None, ...]]


def grouped(call: ReportCall, plan: Plan, among: list[int] | None = None) -> list[Row]:
    """The groups with the values of the plan's keys in place of the record."""
    return [
        (
            tuple(bag.get(name) if key is None else bag.get_key(name, key) for name, key in plan.keys),
            members,
            columns,
        )
        for bag, members, columns in call.group(plan, among)
    ]


def test_records_that_agree_in_the_keys_are_one_group() -> None:
    assert grouped(ReportCall(encode_report_request(traffic())), PLAN) == GROUPS


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("own_words", [False, True])
def test_groups_do_not_depend_on_the_encoding(delta: bool, own_words: bool) -> None:
    assert grouped(ReportCall(peer.report_request(traffic(), own_words=own_words, delta=delta)), PLAN) == GROUPS


def test_every_type_can_be_a_key() -> None:
    values: list[Value] = ["s", 1, 1.0, True, b"1", Timestamp(1), Duration(1), {"a": "b", "c": "d"}]
    sent = [{"x": value} for value in [*values, *values]]
    groups = grouped(ReportCall(encode_report_request(sent)), Plan([("x", None)], []))
    assert [(key[0], len(members)) for key, members, _ in groups] == [(value, 2) for value in values]


def test_a_plan_without_keys_makes_one_group() -> None:
    call = ReportCall(encode_report_request(traffic()))
    assert grouped(call, Plan([], ["response.size"])) == [((), [0, 1, 2], ([10.0, 20.0, 30.0],))]
    assert ReportCall(b"").group(Plan([], [])) == []


def test_groups_can_be_made_of_some_records_only() -> None:
    call = ReportCall(encode_report_request(traffic()))
    assert grouped(call, Plan([], ["response.size"]), [1, 2, 7]) == [((), [1, 2], ([20.0, 30.0],))]


@pytest.mark.parametrize("own_words", [False, True])
def test_look_ups_of_a_key_differ_by_their_outcome(own_words: bool) -> None:
    sent: list[dict[str, Value]] = [
        {"x": {"k": "1", "j": "2"}},
        {"x": {"j": "2"}},
        {"x": "no map"},
        {"x": "none either"},
        {},
        {"x": {"k": "1"}},
        {"x": 7},
    ]
    groups = ReportCall(peer.report_request(sent, own_words=own_words, delta=False)).group(Plan([("x", "k")], []))
    assert [members for _, members, _ in groups] == [[0, 5], [1], [2, 3], [4], [6]]


def test_numbers_of_different_kinds_are_in_different_groups() -> None:
    """What is no number, or one that a float cannot hold, is the same in a whole group."""
    sent: list[dict[str, Value]] = [
        {"x": 1},
        {"x": 1.5},
        {"x": Duration(1_234_567_891_234_567_891)},
        {"x": 2},
        {"x": "1"},
        {"x": "2"},
        {"x": 2**53 + 1},
        {"x": 2**53},
        {},
        {"x": "1"},
    ]
    groups = grouped(ReportCall(encode_report_request(sent)), Plan([], ["x"]))
    assert [(members, columns[0]) for _, members, columns in groups] == [
        ([0, 3, 7], [1.0, 2.0, float(2**53)]),
        ([1], [1.5]),
        ([2], [1_234_567_891_234_567_891 / 1e9]),
        ([4, 9], None),
        ([5], None),
        ([6], None),
        ([8], None),
    ]


def test_plans_are_equal_by_content() -> None:
    assert Plan([("a", None)], ["b"]) == Plan([("a", None)], ["b"])
    assert Plan([("a", None)], ["b"]) != Plan([("a", "k")], ["b"])
    assert (PLAN.keys[1], PLAN.values[0]) == (("request.headers", "x-team"), "response.size")
