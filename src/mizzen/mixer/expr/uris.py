"""URIs: a lenient check, and the key by which equality compares them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote

from .names import CACHED, dns_key

REFERENCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
PORT = re.compile(r":[0-9]*")
BAD_HOST = re.compile(r"[\s<>\"\\^`{|}]")
KEPT = "%/:@!$&'()*+,;=~-._[]"
"""Characters that a path may hold as they are; all others are compared in percent form."""

UriKey: TypeAlias = tuple[str, str, str, str]


class UriSyntaxError(ValueError):
    """The text is not a URI."""


@lru_cache(CACHED)
def uri_key(text: str) -> UriKey:
    """What two equal URIs have in common: scheme, host, port, and the rest of the text.

    The scheme is compared without case; the host of http and https as a DNS name, that of other schemes byte by byte. A
    port that is left out differs from `:80`, an empty path from `/`. Raises UriSyntaxError or NameSyntaxError.
    """
    scheme, user, host, port, rest = split(text)
    if scheme in ("http", "https") and host:
        return scheme, host_key(host), port, f"{user}{rest}"
    return scheme, host, port, f"{user}{rest}"


def host_key(host: str) -> str:
    return host.lower() if host.startswith("[") else dns_key(host)


def check_uri(text: str) -> None:
    """Accepts what a lenient URL parser does, relative references included. Raises UriSyntaxError."""
    split(text)


@lru_cache(CACHED)
def split(text: str) -> tuple[str, str, str, str, str]:
    """Scheme, user part, host, port (with the colon) and the rest; raises UriSyntaxError."""
    if not text:
        raise UriSyntaxError("empty string")
    if CONTROL.search(text):
        raise UriSyntaxError("control character or lone surrogate")
    found = REFERENCE.fullmatch(text)
    if found is None:
        raise UriSyntaxError("not a URI reference")
    scheme, authority, path = (found[1] or "").lower(), found["authority"], found["path"]
    if not scheme and ":" in path.split("/", 1)[0]:
        raise UriSyntaxError("missing or malformed scheme before the colon")
    opaque = bool(scheme) and authority is None and not path.startswith("/")
    if not opaque and BAD_ESCAPE.search(path):
        raise UriSyntaxError("bad percent escape in the path")
    if found["fragment"] and BAD_ESCAPE.search(found["fragment"]):
        raise UriSyntaxError("bad percent escape in the fragment")
    user, host, port = split_authority(authority or "")
    slashes = "" if authority is None else "//"
    shown = path if opaque else quote(path, safe=KEPT)
    return scheme, slashes + user, host, port, f"{shown}{found['query'] or ''}{found['fragment'] or ''}"


def split_authority(authority: str) -> tuple[str, str, str]:
    user, at, host = authority.rpartition("@")
    if BAD_ESCAPE.search(user):
        raise UriSyntaxError("bad percent escape in the user part")
    port = ""
    if host.startswith("["):
        inner, bracket, port = host.partition("]")
        if not bracket:
            raise UriSyntaxError("missing ']' in the host")
        host = inner + bracket
    elif ":" in host:
        name, _, digits = host.partition(":")
        host, port = name, f":{digits}"
    if port and not PORT.fullmatch(port):
        raise UriSyntaxError(f"bad port {port!r}")
    if BAD_HOST.search(host) or BAD_ESCAPE.search(host):
        raise UriSyntaxError("bad character in the host")
    return user + at, host, port
