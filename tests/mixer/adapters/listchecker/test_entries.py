from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.listchecker.entries import (
    EntryError,
    NotAnAddressError,
    check_entry,
    make_list,
    parse_network,
)
from mizzen.mixer.adapters.listchecker.params import EntryType, ListParams

CASES = yaml.safe_load((Path(__file__).parent / "cases_entries.yaml").read_text())
ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_on_a_list(case: dict[str, Any]) -> None:
    entry_type = ListParams.model_validate({"entry_type": case["entry_type"]}).entry_type
    entries = make_list(entry_type, case["entries"])
    assert [text for text in case["found"] if text not in entries] == []
    assert [text for text in case["absent"] if text in entries] == []


@pytest.mark.parametrize("entry", ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "fe80::1%eth0", "host", "10.0.0.0/8/8"])
def test_what_is_no_network_is_named(entry: str) -> None:
    with pytest.raises(EntryError, match=re.escape(repr(entry))):
        check_entry(EntryType.IP_ADDRESSES, entry)


@pytest.mark.parametrize("entry", ["(", "a(?=b)", r"(a)\1", "[z-a]"])
def test_what_is_no_pattern_is_named(entry: str) -> None:
    for build in (check_entry, lambda type_, text: make_list(type_, ["fine", text])):
        with pytest.raises(EntryError) as caught:
            build(EntryType.REGEX, entry)
        assert caught.value.entry == entry
        assert caught.value.reason.startswith("is not a regular expression: ")


def test_unbalanced_patterns_do_not_balance_each_other() -> None:
    with pytest.raises(EntryError):
        make_list(EntryType.REGEX, ["a(", "b)"])


def test_texts_take_any_entry() -> None:
    check_entry(EntryType.STRINGS, "(")
    check_entry(EntryType.CASE_INSENSITIVE_STRINGS, "10.0.0.0/99")


@pytest.mark.parametrize("text", ["", "x", "10.0.0.0/8", "1.2.3", "fe80::1%eth0"])
def test_a_list_of_addresses_refuses_other_texts(text: str) -> None:
    with pytest.raises(NotAnAddressError):
        assert text in make_list(EntryType.IP_ADDRESSES, ["10.0.0.0/8"])


@given(st.lists(st.tuples(ADDRESSES, st.integers(0, 128)), max_size=8), ADDRESSES)
def test_addresses_are_found_as_by_asking_every_network(
    networks: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    entries = [f"{base}/{min(length, base.max_prefixlen)}" for base, length in networks]
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    asked = mapped or address
    expected = any(asked in network for network in map(parse_network, entries) if network.version == asked.version)
    assert (str(address) in make_list(EntryType.IP_ADDRESSES, entries)) == expected


@given(st.lists(st.text(max_size=6), max_size=6), st.text(max_size=12))
def test_quoted_patterns_match_like_contained_texts(texts: list[str], text: str) -> None:
    entries = make_list(EntryType.REGEX, [re2_quoted(part) for part in texts])
    assert (text in entries) == any(part in text for part in texts)


def re2_quoted(text: str) -> str:
    """Letters as they are, everything else as RE2 writes a code point."""
    return "".join(letter if letter.isascii() and letter.isalnum() else f"\\x{{{ord(letter):x}}}" for letter in text)


def test_a_pattern_that_takes_exponential_time_elsewhere_is_quick() -> None:
    entries = make_list(EntryType.REGEX, ["^(a+)+$"])
    assert "a" * 50_000 + "b" not in entries


def test_many_large_patterns_still_answer() -> None:
    patterns = [f"(?:x{index}[a-z]{{200}}){{4}}" for index in range(300)]
    entries = make_list(EntryType.REGEX, [*patterns, "^needle$"])
    assert "needle" in entries
    assert "hay" not in entries
