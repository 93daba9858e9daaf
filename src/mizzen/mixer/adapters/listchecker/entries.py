"""The four kinds of lists: built once from entries, asked many times. All of them are immutable."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import re2

from mizzen.mixer.adapters.listchecker.params import EntryType
from mizzen.mixer.adapters.texts import parse_address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class EntryError(ValueError):
    """An entry that a list of this type cannot hold; `entry` is its text."""

    def __init__(self, entry: str, reason: str, accepted: str) -> None:
        super().__init__(f"{entry!r} {reason}")
        self.entry = entry
        self.reason = reason
        self.accepted = accepted


class NotAnAddressError(ValueError):
    """A list of addresses was asked about a text that is none."""


class EntryList(Protocol):
    """A list of entries of one type."""

    def __contains__(self, text: object, /) -> bool:
        """Whether an entry matches. Raises `NotAnAddressError` when addresses are asked about something else."""


class FoldedTexts:
    """Texts compared without regard to case (Unicode case folding)."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._entries = frozenset(entry.casefold() for entry in entries)

    def __contains__(self, text: object) -> bool:
        return str(text).casefold() in self._entries


class Addresses:
    """Networks, asked in time that grows with the number of different prefix lengths, not of networks."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._tables: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for entry in entries:
            network = parse_network(entry)
            shift = network.max_prefixlen - network.prefixlen
            self._tables[network.version].setdefault(shift, set()).add(int(network.network_address) >> shift)

    def __contains__(self, text: object) -> bool:
        try:
            address = parse_address(str(text))
        except ValueError:
            raise NotAnAddressError(str(text)) from None
        number = int(address)
        return any(number >> shift in networks for shift, networks in self._tables[address.version].items())


class Patterns:
    """RE2 patterns, unanchored, in time linear in the text. All are one alternation, which is tried in one pass.

    Not an `re2.Set`: that one answers "no match" when its automaton outgrows its memory, where a pattern falls back to
    a slower way.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self._patterns = [compile_pattern(pattern) for pattern in entries]  # each must stand alone: "a(" and "b)" not
        if len(self._patterns) > 1:
            alternatives = "|".join(f"(?:{pattern.pattern})" for pattern in self._patterns)
            with contextlib.suppress(EntryError):  # too large as one pattern: they are tried one by one
                self._patterns = [compile_pattern(alternatives)]

    def __contains__(self, text: object) -> bool:
        return any(pattern.search(str(text)) for pattern in self._patterns)


def parse_network(entry: str) -> Network:
    """A CIDR, or an address as the network that holds only it. IPv4 in IPv6 form becomes IPv4."""
    accepted = "an IP address or a CIDR such as 10.0.0.0/8"
    try:
        if "%" in entry:
            raise ValueError("has a zone")
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise EntryError(entry, "is not an IP address or CIDR", accepted) from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def compile_pattern(pattern: str) -> Any:
    """The compiled pattern; `EntryError` unless RE2 takes it."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise EntryError(pattern, f"is not a regular expression: {text}", "RE2 syntax") from None


_TYPES: Mapping[EntryType, Callable[[Iterable[str]], EntryList]] = {
    EntryType.STRINGS: frozenset,
    EntryType.CASE_INSENSITIVE_STRINGS: FoldedTexts,
    EntryType.IP_ADDRESSES: Addresses,
    EntryType.REGEX: Patterns,
}


def make_list(entry_type: EntryType, entries: Iterable[str]) -> EntryList:
    """The list of `entries`; `EntryError` names the first one that does not fit."""
    return _TYPES[entry_type](entries)


def check_entry(entry_type: EntryType, entry: str) -> None:
    """Raises `EntryError` if a list of this type cannot hold `entry`."""
    if entry_type is EntryType.IP_ADDRESSES:
        parse_network(entry)
    elif entry_type is EntryType.REGEX:
        compile_pattern(entry)
