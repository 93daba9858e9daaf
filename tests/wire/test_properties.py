"""Whatever is sent, both sides read the same; whatever arrives, nothing breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.wire import (
    GLOBAL_WORDS,
    CheckCall,
    Duration,
    Plan,
    ReportCall,
    Timestamp,
    Value,
    WireError,
    encode_attributes,
    encode_check_request,
    encode_report_request,
)
from mizzen.wire.pb.istio.mixer.v1 import attributes_pb2, mixer_pb2

from . import golden, peer

NANOSECONDS = 2**63 * peer.SECOND
LIMITS = st.sampled_from([0, 111, 203, 222])

# names are drawn from few, because a process keeps every name that it encoded
names = st.sampled_from([*GLOBAL_WORDS[::7], "origin.ip", "score", "é", "", "a" * 200, "'200'", '"-"'])
texts = st.one_of(st.text(), st.sampled_from(GLOBAL_WORDS))
maps = st.dictionaries(texts, texts, min_size=1, max_size=6)
values: st.SearchStrategy[Value] = st.one_of(
    texts,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.binary(max_size=20),
    st.integers(-NANOSECONDS, NANOSECONDS - 1).map(Timestamp),
    st.integers(-NANOSECONDS, NANOSECONDS - 1).map(Duration),
    maps,
)
bags = st.dictionaries(names, values, max_size=12)


@given(bags, LIMITS)
def test_python_writes_and_rust_reads(bag: dict[str, Value], limit: int) -> None:
    check = CheckCall(peer.check_request(bag, limit))
    assert check.bag().to_dict() == bag
    assert {name: check.get(name) for name in bag} == bag


@given(bags, LIMITS)
def test_rust_writes_and_python_reads(bag: dict[str, Value], limit: int) -> None:
    encoded = encode_attributes(bag, global_word_count=limit)
    assert peer.expand(attributes_pb2.CompressedAttributes.FromString(encoded)) == bag
    request = mixer_pb2.CheckRequest.FromString(encode_check_request(bag, global_word_count=limit))
    assert peer.expand(request.attributes) == bag
    assert request.global_word_count == limit


@given(bags, LIMITS)
def test_both_write_the_same_message(bag: dict[str, Value], limit: int) -> None:
    words = peer.Words(limit)
    theirs = peer.compress(bag, words)
    theirs.words.extend(words.own)
    ours = attributes_pb2.CompressedAttributes.FromString(encode_attributes(bag, global_word_count=limit))
    assert peer.canonical(ours) == peer.canonical(theirs)


@given(st.lists(bags, max_size=5), st.booleans())
def test_independent_reports_are_read_alike(records: list[dict[str, Value]], own_words: bool) -> None:
    call = ReportCall(peer.report_request(records, own_words=own_words))
    assert [bag.to_dict() for bag in call.bags()] == records
    request = mixer_pb2.ReportRequest.FromString(encode_report_request(records))
    assert [peer.expand(bag, request.default_words) for bag in request.attributes] == records


@given(st.lists(bags, max_size=5), st.booleans())
def test_delta_reports_add_up_alike(records: list[dict[str, Value]], own_words: bool) -> None:
    state: dict[str, Value] = {}
    expected = [state := state | record for record in records]
    call = ReportCall(peer.report_request(records, own_words=own_words, delta=True))
    assert [bag.to_dict() for bag in call.bags()] == expected
    assert call.errors == []
    assert ReportCall(encode_report_request(expected, delta=True)).errors == []
    assert [bag.to_dict() for bag in ReportCall(encode_report_request(expected, delta=True)).bags()] == expected


lookups = st.lists(st.tuples(names, st.none() | texts), max_size=40)


@given(bags, lookups, LIMITS)
def test_references_are_exactly_what_was_looked_up(
    bag: dict[str, Value], wanted: list[tuple[str, str | None]], limit: int
) -> None:
    check = CheckCall(peer.check_request(bag, limit))
    expected: dict[tuple[str, str | None], str] = {}
    for name, key in wanted:
        value = bag.get(name)
        if key is None:
            assert check.get(name) == value
            expected[name, None] = "ABSENCE" if value is None else "EXACT"
        elif value is None:
            assert check.get_key(name, key) is None
            expected[name, None] = "ABSENCE"
        elif isinstance(value, dict):
            assert check.get_key(name, key) == value.get(key)
            expected[name, key] = "EXACT" if key in value else "ABSENCE"
    triples = [(name, key, condition) for (name, key), condition in expected.items()]
    assert check.referenced() == triples
    check.reply()
    response = mixer_pb2.CheckResponse.FromString(check.response())
    referenced = response.precondition.referenced_attributes
    assert peer.references(referenced) == triples
    assert all(match.name < max(limit, 1) for match in referenced.attribute_matches)
    assert len(set(referenced.words)) == len(referenced.words)


def plain(key: Iterable[Value | None]) -> str:
    """A key as text that tells types apart and does not depend on the order in a map."""
    return repr([sorted(value.items()) if isinstance(value, dict) else value for value in key])


@given(st.lists(bags, max_size=8), st.lists(names, max_size=3, unique=True))
def test_groups_partition_the_records(records: list[dict[str, Value]], keys: list[str]) -> None:
    plan = Plan([(name, None) for name in keys], ["score"])
    groups = ReportCall(encode_report_request(records)).group(plan)
    assert sorted(number for _, members, _ in groups for number in members) == list(range(len(records)))
    read = list(ReportCall(encode_report_request(records)).bags())
    seen = set()
    for bag, members, (scores,) in groups:
        assert len({plain(read[number].get(name) for name in keys) for number in members}) == 1
        values = [read[number].get("score") for number in members]
        if scores is None:
            assert len({plain([value]) for value in values}) == 1
        else:
            assert len({type(value) for value in values}) == 1
            assert scores == [value.seconds if isinstance(value, Duration) else value for value in values]
        kind = plain([bag.get("score")]) if scores is None else str(type(values[0]))
        seen.add((plain(bag.get(name) for name in keys), kind))
    assert len(seen) == len(groups)


def read_whole_check(request: bytes) -> None:
    check = CheckCall(request)
    for name in [*check.bag(), "source.ip", "no.such"]:
        check.get(name)
        check.has(name)
    assert check.bag().to_dict() == {name: check.get(name) for name in check.bag()}
    check.reply(quotas=None, referenced=check.mark())
    mixer_pb2.CheckResponse.FromString(check.response())


def read_whole_report(request: bytes) -> None:
    call = ReportCall(request)
    assert sum(1 for _ in call.bags()) + len(call.errors) == len(call)
    for bag in call.bags():
        assert set(bag.to_dict()) == set(bag)
    call.group(Plan([("source.ip", None), ("request.headers", ":path")], ["response.size"]))


def damaged(good: bytes) -> st.SearchStrategy[bytes]:
    """Bytes with a few of them changed, cut out or doubled."""
    at = st.integers(0, len(good))
    change = st.tuples(at, at, st.binary(max_size=3))
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: apply(good, changes))


def apply(good: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for start, end, inserted in changes:
        good = good[:start] + inserted + good[max(start, min(end, start + 3)) :]
    return good


def agree(read: Callable[[bytes], None], generated: Callable[[bytes], object], encoded: bytes) -> None:
    """What protobuf's own parser takes, ours takes; what ours refuses, it refuses with a WireError only."""
    try:
        read(encoded)
    except WireError as error:
        if "inconsistent" in str(error):
            return
        try:
            generated(encoded)
        except DecodeError:
            return
        raise


@settings(max_examples=300)
@given(st.binary(max_size=200) | damaged(golden.CHECKS[2].encoded))
def test_no_bytes_break_a_check(encoded: bytes) -> None:
    agree(read_whole_check, mixer_pb2.CheckRequest.FromString, encoded)


@settings(max_examples=300)
@given(st.binary(max_size=200) | damaged(golden.REPORT) | damaged(golden.REPORT[:-2]))
def test_no_bytes_break_a_report(encoded: bytes) -> None:
    agree(read_whole_report, mixer_pb2.ReportRequest.FromString, encoded)
