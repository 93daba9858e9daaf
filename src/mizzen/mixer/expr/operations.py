"""What the functions of the language compute. Those that can fail raise ConversionFailure with the text users know."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache

import re2

from mizzen.wire import Timestamp

from .literals import parse_timestamp
from .names import CACHED, NameSyntaxError, dns_key, dns_name, email_key
from .uris import UriSyntaxError, check_uri, uri_key

CACHED_PATTERNS = 512
MAPPED_PREFIX = bytes(10) + b"\xff\xff"


class ConversionFailure(ValueError):  # noqa: N818 (it becomes a ConversionError once its place is known)
    """A text cannot be converted; says why, without a place."""


@lru_cache(CACHED)
def to_ip(text: str) -> bytes:
    """4 bytes of an IPv4 text, also in IPv4-in-IPv6 form, else 16. No zone, no prefix length, no leading zeros."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ConversionFailure(f"could not convert {text} to IP_ADDRESS") from None
    if "%" in text:
        raise ConversionFailure(f"could not convert {text} to IP_ADDRESS")
    return normal_ip(address.packed)


def normal_ip(address: bytes) -> bytes:
    return address[12:] if len(address) == 16 and address.startswith(MAPPED_PREFIX) else address


def ip_text(address: bytes) -> str:
    """The usual form of 4 or 16 bytes."""
    return str(ipaddress.ip_address(normal_ip(address)))


def ip_equal(left: bytes, right: bytes) -> bool:
    """Numeric equality: an IPv4 address equals its IPv4-in-IPv6 form."""
    return left == right or normal_ip(left) == normal_ip(right)


@lru_cache(CACHED)
def to_timestamp(text: str) -> Timestamp:
    nanoseconds = parse_timestamp(text)
    if nanoseconds is None:
        raise ConversionFailure(
            f"could not convert '{text}' to TIMESTAMP. expected format: '2006-01-02T15:04:05Z07:00' (RFC 3339)"
        )
    return Timestamp(nanoseconds)


def to_dns_name(text: str) -> str:
    try:
        return dns_name(text)
    except NameSyntaxError as error:
        raise ConversionFailure(f"error converting '{text}' to dns name: {error}") from None


def to_email(text: str) -> str:
    try:
        email_key(text)
    except NameSyntaxError as error:
        raise ConversionFailure(f"error converting '{text}' to e-mail: {error}") from None
    return text


def to_uri(text: str) -> str:
    if not text:
        raise ConversionFailure("error converting string to uri: empty string")
    try:
        check_uri(text)
    except UriSyntaxError as error:
        raise ConversionFailure(f"error converting string to uri '{text}': {error}") from None
    return text


def dns_equal(left: str, right: str) -> bool:
    """Equality after IDNA mapping, with or without a trailing dot."""
    return dns_comparable(left) == dns_comparable(right)


def dns_comparable(text: str) -> str:
    try:
        return dns_key(text)
    except NameSyntaxError as error:
        raise ConversionFailure(f"error converting '{text}' to dns name: {error}") from None


def email_equal(left: str, right: str) -> bool:
    """Local parts byte by byte after unquoting, domains as DNS names."""
    return email_comparable(left) == email_comparable(right)


def email_comparable(text: str) -> tuple[str, str]:
    try:
        return email_key(text)
    except NameSyntaxError as error:
        raise ConversionFailure(f"error converting '{text}' to e-mail: {error}") from None


def uri_equal(left: str, right: str) -> bool:
    """Equality of scheme, host and port by meaning, of the rest byte by byte."""
    return uri_comparable(left) == uri_comparable(right)


def uri_comparable(text: str) -> tuple[str, str, str, str]:
    try:
        return uri_key(text)
    except (UriSyntaxError, NameSyntaxError) as error:
        raise ConversionFailure(f"error converting string to uri '{text}': {error}") from None


def match_text(text: str, pattern: str) -> bool:
    """Prefix test for `x*`, suffix test for `*x`, else equality; only one star is special."""
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return text == pattern


def byte_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def to_lower(text: str) -> str:
    """Lower case of each character by itself, as Go does: no final sigma, and U+0130 becomes `i`."""
    if text.isascii():
        return text.lower()
    return "".join("i" if character == "\u0130" else character.lower() for character in text)


@lru_cache(CACHED_PATTERNS)
def compile_pattern(pattern: str) -> Callable[[bytes], object | None]:
    """The search of a compiled RE2 pattern in UTF-8 text; None means not found. Raises ConversionFailure.

    Bytes, because the library's search in `str` also maps offsets, which takes longer than the search itself.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        search: Callable[[bytes], object | None] = re2.compile(pattern.encode(), options).search
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ConversionFailure(f"error parsing regular expression '{pattern}': {text}") from None
    return search


def matches(pattern: str, text: str) -> bool:
    """Whether the RE2 pattern is found anywhere in the text. Linear time, whatever the pattern."""
    return compile_pattern(pattern)(text.encode()) is not None


def wrap_int64(number: int) -> int:
    """Two's complement wrap-around to 64 bits."""
    return ((number + 0x8000_0000_0000_0000) & 0xFFFF_FFFF_FFFF_FFFF) - 0x8000_0000_0000_0000
