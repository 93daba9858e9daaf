from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.client import texts
from mizzen.mixer.expr import BUILTIN, Value
from mizzen.wire import Duration, QuotaParams, Timestamp

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", 9223372036854775808.0),
        ("1.5", 1.5),
        ("true", True),
        ("F", False),
        ("2018-01-01T00:00:00Z", Timestamp(1514764800 * SECOND)),
        ("5ms", Duration(5_000_000)),
        ("0a:00:00:01", b"\x0a\x00\x00\x01"),
        ("x-user:bob", {"x-user": "bob"}),
        ("a:1;b:2:3", {"a": "1", "b": "2:3"}),
        ("bob", "bob"),
        ("ab", "ab"),
        ("", ""),
        ("1_000", "1_000"),
    ],
)
def test_a_value_without_a_type_is_the_first_thing_it_reads_as(text: str, value: Value) -> None:
    found = texts.guess(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("source.ip=10.0.0.1", b"\x0a\x00\x00\x01"),
        ("source.ip=0a:00:00:01", b"\x0a\x00\x00\x01"),
        ("source.ip=::1", b"\x00" * 15 + b"\x01"),
        ("request.path=5", "5"),
        ("source.user=a=b", "a=b"),
        ("request.size=3", 3),
        ("connection.mtls=true", True),
        ("response.duration=5ms", Duration(5_000_000)),
        ("request.headers=:path:/a;x:1", {":path": "/a", "x": "1"}),
        ("request.headers=x:1", {"x": "1"}),
        ("my.own=7", 7),
    ],
)
def test_a_known_attribute_has_its_own_type(pair: str, value: Value) -> None:
    name, _, _ = pair.partition("=")
    assert texts.read_pairs([pair], texts.auto(BUILTIN)) == {name: value}


def test_commas_and_semicolons_can_be_written() -> None:
    found = texts.read_pairs(["source.user=a\\,b,request.headers=x:1\\;2;y:3\\,4"], texts.auto(BUILTIN))
    assert found == {"source.user": "a,b", "request.headers": {"x": "1;2", "y": "3,4"}}


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        ("source.ip=x", "source.ip: 'x'; accepted: an IPv4 or IPv6 address (IP_ADDRESS)"),
        ("source.ip=0a:00", "source.ip: '0a:00'; accepted: an IPv4 or IPv6 address (IP_ADDRESS)"),
        ("request.size=1.5", "request.size: '1.5'; accepted: a whole number of 64 bits (INT64)"),
        ("request.headers=x", "request.headers: 'x'; accepted: a mapping of text to text (STRING_MAP)"),
        ("source.user", "'source.user'; accepted: name=value, several with commas between them"),
        ("=5", "'=5'; accepted: name=value, several with commas between them"),
        ("", "''; accepted: name=value, several with commas between them"),
    ],
)
def test_what_cannot_be_read_is_told(pair: str, text: str) -> None:
    with pytest.raises(texts.AttributeTextError) as error:
        texts.read_pairs([pair], texts.auto(BUILTIN))
    assert str(error.value) == text


def test_quotas_are_asked_for_with_best_effort() -> None:
    assert texts.read_quotas(["a=5,b=-1"]) == {"a": QuotaParams(5, True), "b": QuotaParams(-1, True)}
    with pytest.raises(texts.AttributeTextError, match="a: 'x'; accepted: name=amount"):
        texts.read_quotas(["a=x"])


@given(st.text())
def test_any_text_is_a_value(text: str) -> None:
    assert texts.guess(text) is not None


@given(st.text(), st.text())
def test_any_flag_is_read_or_refused(name: str, value: str) -> None:
    found: dict[str, Value] = {}
    with contextlib.suppress(texts.AttributeTextError):
        found = texts.read_pairs([f"{name}={value}"], texts.auto(BUILTIN))
    assert all(isinstance(one, str) for one in found)


KEYS = st.text(st.characters(exclude_characters=":;\\,"), min_size=1)
TEXTS = st.text(st.characters(exclude_characters="\\"))


@given(st.dictionaries(KEYS, TEXTS, min_size=1))
def test_maps_come_back(entries: dict[str, str]) -> None:
    text = ";".join(f"{key}:{value.replace(';', chr(92) + ';')}" for key, value in entries.items())
    assert texts.read_map(text) == entries
