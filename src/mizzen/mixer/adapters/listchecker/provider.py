"""The life of a fetched list: when to fetch, what an answer means, when the list is too old. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from mizzen.mixer.adapters.listchecker.entries import EntryError, EntryList, make_list
from mizzen.mixer.adapters.listchecker.params import EntryType

_FIRST_RETRY_S = 1.0
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FetchError(Exception):
    """A list could not be fetched or read; the text never contains the URL."""


@dataclass(frozen=True)
class Fetched:
    """An answer: the body, or None for "not modified"; headers by their lower-case names."""

    body: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)


class ProvidedList:
    """The list of one provider. Not safe to share: one thread fetches, but `entries` may be read by any."""

    def __init__(self, entry_type: EntryType, refresh: float, ttl: float) -> None:
        self.entries: EntryList | None = None
        self.error = "not fetched yet"
        self.size = 0
        self._entry_type = entry_type
        self._refresh = refresh
        self._ttl = ttl
        self._next = float("-inf")
        self._expires = float("inf")
        self._failures = 0
        self._hash = b""
        self._conditions: dict[str, str] = {}

    def is_due(self, now: float) -> bool:
        return now >= self._next

    def conditions(self) -> Mapping[str, str]:
        """Headers by which the provider may answer that nothing changed."""
        return self._conditions if self.entries is not None else {}

    def succeed(self, fetched: Fetched, now: float) -> bool:
        """Takes an answer; whether the list changed. Raises `FetchError`, after which the old list stays."""
        digest = self._hash if fetched.body is None else hashlib.sha256(fetched.body).digest()
        changed = self.entries is None or digest != self._hash
        if changed:
            if fetched.body is None:
                raise FetchError("answered that nothing changed when there was no list")
            entries = parse_entries(self._entry_type, fetched.body)
            try:
                self.entries = make_list(self._entry_type, entries)
            except EntryError as error:
                raise FetchError(f"contains {error}") from None
            self.size = len(entries)
            self._hash = digest
        if fetched.body is not None:
            named = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
            self._conditions = {name: fetched.headers[key] for key, name in named if key in fetched.headers}
        self.error = ""
        self._failures = 0
        self._next = now + self._refresh
        self._expires = now + self._ttl
        return changed

    def fail(self, reason: str, now: float) -> None:
        """Remembers why; the next attempt comes after 1 s, 2 s, 4 s, … up to the refresh interval."""
        self.error = reason
        self._next = now + min(_FIRST_RETRY_S * 2**self._failures, self._refresh)
        self._failures = min(self._failures + 1, 30)
        self.drop_if_old(now)

    def drop_if_old(self, now: float) -> None:
        """Without a successful fetch for `ttl` the list is no longer believed."""
        if self.entries is not None and now >= self._expires:
            self.entries = None
            self.size = 0


def parse_entries(entry_type: EntryType, body: bytes) -> list[str]:
    """The entries of a body: one a line, blank lines left out.

    A list of addresses may also be YAML or JSON with them under `whitelist` (Istio's form, also for black lists).
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise FetchError("is not UTF-8") from None
    if entry_type is EntryType.IP_ADDRESSES:
        named = _named_entries(text)
        if named is not None:
            return named
        lines = (line.split("#", 1)[0].strip() for line in text.split("\n"))
        return [line for line in lines if line]
    return [line for line in (line.removesuffix("\r") for line in text.split("\n")) if line]


def _named_entries(text: str) -> list[str] | None:
    """The list under `whitelist`; None if the text is no mapping at all."""
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506, a safe loader
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if not isinstance(document, dict):
        return None
    entries = document.get("whitelist")
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise FetchError("has no list of texts under whitelist")
    return entries
