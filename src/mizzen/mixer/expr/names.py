"""DNS names and e-mail addresses: validation, and the keys by which equality compares them."""

from __future__ import annotations

import re
from functools import lru_cache

import idna

MAX_NAME = 253
MAX_LABEL = 63
CACHED = 4096
"""Entries kept of each conversion; texts come from requests, so the memory must be bounded."""

JOINERS = "\u200c\u200d"
ATOM = r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,.\"]+"
EMAIL = re.compile(
    rf"(?P<local>{ATOM}(?:\.{ATOM})*|\"(?:[^\"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*\")@(?P<domain>[^@<>\s\"]+)"
)
MAX_EMAIL = 1024


class NameSyntaxError(ValueError):
    """The text is not a name of the kind asked for."""


@lru_cache(CACHED)
def dns_key(text: str) -> str:
    """What two equal DNS names have in common: mapped by UTS 46, in Unicode form, without a trailing dot.

    Labels are validated as IDNA look-up does (hyphens, combining marks, joiners, direction, punycode) and by length.
    The ASCII characters of a label are not restricted, so that `_service` and `*.example.com` are names.
    Raises NameSyntaxError.
    """
    if len(text) > 4 * MAX_NAME:
        raise NameSyntaxError(f"longer than {MAX_NAME} characters")
    try:
        mapped = idna.uts46_remap(text, std3_rules=False).removesuffix(".")
        labels = [unicode_label(label) for label in mapped.split(".")] if mapped else []
    except (idna.IDNAError, UnicodeError) as error:
        raise NameSyntaxError(str(error)) from None
    if not labels:
        raise NameSyntaxError("empty name")
    if sum(wire_length(label) + 1 for label in labels) - 1 > MAX_NAME:
        raise NameSyntaxError(f"longer than {MAX_NAME} characters")
    return ".".join(labels)


def unicode_label(label: str) -> str:
    if not label:
        raise NameSyntaxError("empty label")
    if len(label) > 4 * MAX_LABEL:
        raise NameSyntaxError(f"label is longer than {MAX_LABEL} characters")
    if label.startswith("xn--"):
        label = decode_label(label)
    if label.startswith("-") or label.endswith("-"):
        raise NameSyntaxError(f"label {label!r} begins or ends with a hyphen")
    if label[2:4] == "--":
        raise NameSyntaxError(f"label {label!r} has hyphens in third and fourth position")
    if not label.isascii():
        check_unicode(label)
    if wire_length(label) > MAX_LABEL:
        raise NameSyntaxError(f"label {label!r} is longer than {MAX_LABEL} characters")
    return label


def decode_label(label: str) -> str:
    if len(label) > MAX_LABEL:
        raise NameSyntaxError(f"label {label!r} is longer than {MAX_LABEL} characters")
    decoded = label[4:].encode("ascii").decode("punycode")
    mapped = idna.uts46_remap(decoded, std3_rules=False)
    if decoded.isascii() or mapped != decoded or decoded.encode("punycode") != label[4:].encode("ascii"):
        raise NameSyntaxError(f"label {label!r} is not the punycode of a valid label")
    return decoded


def check_unicode(label: str) -> None:
    idna.check_nfc(label)
    idna.check_initial_combiner(label)
    for position, character in enumerate(label):
        if character in JOINERS:
            try:
                allowed = idna.valid_contextj(label, position)
            except ValueError:
                allowed = False
            if not allowed:
                raise NameSyntaxError(f"label {label!r} has a joiner where none is allowed")
    idna.check_bidi(label)


def wire_length(label: str) -> int:
    return len(label) if label.isascii() else len(label.encode("punycode")) + 4


@lru_cache(CACHED)
def dns_name(text: str) -> str:
    """The Unicode form of a valid DNS name, letter case and trailing dot kept. Raises NameSyntaxError."""
    dns_key(text)
    labels = text.split(".")
    return ".".join(dns_key(label) if label[:4].lower() == "xn--" else label for label in labels)


@lru_cache(CACHED)
def email_key(text: str) -> tuple[str, str]:
    """Local part without quotes, and the domain's `dns_key`. Raises NameSyntaxError.

    Accepted is an RFC 5322 address without display name and comments, bare or in angle brackets.
    """
    body = text.strip(" \t")
    if body.startswith("<") and body.endswith(">"):
        body = body[1:-1]
    if len(body) > MAX_EMAIL:
        raise NameSyntaxError(f"longer than {MAX_EMAIL} characters")
    found = EMAIL.fullmatch(body)
    if found is None:
        raise NameSyntaxError("not an address of the form local@domain")
    local = found["local"]
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return local, dns_key(found["domain"])
