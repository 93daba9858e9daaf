from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.listchecker.params import EntryType
from mizzen.mixer.adapters.listchecker.provider import Fetched, FetchError, ProvidedList, parse_entries


def provided(entry_type: EntryType = EntryType.STRINGS) -> ProvidedList:
    return ProvidedList(entry_type, refresh=60.0, ttl=300.0)


@pytest.mark.parametrize(
    ("entry_type", "body", "entries"),
    [
        (EntryType.STRINGS, b"a\n\n b \r\nc", ["a", " b ", "c"]),
        (EntryType.REGEX, b"^a$\n#b\n", ["^a$", "#b"]),
        (EntryType.STRINGS, b"", []),
        (EntryType.IP_ADDRESSES, b"whitelist: [10.0.0.0/8, '::1']", ["10.0.0.0/8", "::1"]),
        (EntryType.IP_ADDRESSES, b'{"whitelist": ["10.0.0.1"]}', ["10.0.0.1"]),
        (EntryType.IP_ADDRESSES, b"10.0.0.1\n  10.0.0.0/8 # office\n\n# end\n", ["10.0.0.1", "10.0.0.0/8"]),
        (EntryType.IP_ADDRESSES, b"::1\nfe80::/10\n", ["::1", "fe80::/10"]),
        (EntryType.IP_ADDRESSES, b"", []),
    ],
)
def test_bodies_are_read_by_the_type_of_their_entries(entry_type: EntryType, body: bytes, entries: list[str]) -> None:
    assert parse_entries(entry_type, body) == entries


@pytest.mark.parametrize(
    ("entry_type", "body", "reason"),
    [
        (EntryType.STRINGS, b"\xff", "is not UTF-8"),
        (EntryType.IP_ADDRESSES, b"blacklist: [10.0.0.1]", "has no list of texts under whitelist"),
        (EntryType.IP_ADDRESSES, b"whitelist: 10.0.0.1", "has no list of texts under whitelist"),
        (EntryType.IP_ADDRESSES, b"whitelist: [1]", "has no list of texts under whitelist"),
        (EntryType.IP_ADDRESSES, b"<html>", "contains '<html>' is not an IP address or CIDR"),
        (EntryType.REGEX, b"(", "contains '(' is not a regular expression"),
    ],
)
def test_a_body_that_cannot_be_read_leaves_the_old_list(entry_type: EntryType, body: bytes, reason: str) -> None:
    subject = provided(entry_type)
    subject.succeed(Fetched(b"10.0.0.1"), 0.0)
    old = subject.entries
    with pytest.raises(FetchError) as caught:
        subject.succeed(Fetched(body), 1.0)
    assert str(caught.value).startswith(reason)
    assert subject.entries is old


@given(st.binary(max_size=60), st.sampled_from(EntryType))
def test_any_body_is_a_list_or_refused(body: bytes, entry_type: EntryType) -> None:
    subject = provided(entry_type)
    try:
        subject.succeed(Fetched(body), 0.0)
    except FetchError:
        assert subject.entries is None
    else:
        assert subject.entries is not None


def test_a_list_is_due_at_once_and_then_after_each_interval() -> None:
    subject = provided()
    assert subject.is_due(0.0)
    assert subject.succeed(Fetched(b"a"), 0.0)
    assert not subject.is_due(59.9)
    assert subject.is_due(60.0)


def test_failures_are_tried_again_sooner_and_then_more_rarely() -> None:
    subject = provided()
    now = 0.0
    pauses = []
    for _ in range(9):
        subject.fail("down", now)
        pause = next(step for step in range(100) if subject.is_due(now + step))
        pauses.append(pause)
        now += pause
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    subject.succeed(Fetched(b"a"), now)
    subject.fail("down", now)
    assert subject.is_due(now + 1)


def test_the_same_body_is_no_change_but_renews_the_life() -> None:
    subject = provided()
    assert subject.succeed(Fetched(b"a"), 0.0)
    assert not subject.succeed(Fetched(b"a"), 200.0)
    subject.drop_if_old(499.0)
    assert subject.entries is not None
    subject.drop_if_old(500.0)
    assert subject.entries is None


def test_a_list_is_dropped_when_it_could_not_be_fetched_for_its_life() -> None:
    subject = provided()
    subject.succeed(Fetched(b"a"), 0.0)
    subject.fail("down", 299.0)
    assert subject.entries is not None
    assert subject.error == "down"
    subject.fail("still down", 300.0)
    assert not has_list(subject)
    assert subject.succeed(Fetched(b"a"), 301.0)
    assert has_list(subject)


def has_list(subject: ProvidedList) -> bool:
    return subject.entries is not None


def test_conditions_are_sent_only_while_there_is_a_list() -> None:
    subject = provided()
    headers = {"etag": '"1"', "last-modified": "Tue, 24 Nov 2026 19:00:00 GMT"}
    subject.succeed(Fetched(b"a", headers), 0.0)
    assert subject.conditions() == {"If-None-Match": '"1"', "If-Modified-Since": headers["last-modified"]}
    assert not subject.succeed(Fetched(None), 60.0)
    assert subject.conditions()
    subject.fail("down", 360.0)
    assert subject.conditions() == {}
    with pytest.raises(FetchError, match="nothing changed when there was no list"):
        subject.succeed(Fetched(None), 361.0)
