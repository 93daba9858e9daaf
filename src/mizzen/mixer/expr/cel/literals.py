"""Texts of CEL's literals: strings with their quotes, prefixes and escapes, and whole numbers."""

from __future__ import annotations

import re

from mizzen.mixer.expr.literals import MAX_INT64

SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
SIMPLE |= {sign: sign for sign in "\\?\"'`"}
ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\?\"'`])|[xX](?P<byte>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})"
    r"|U(?P<long>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<bad>.|$))",
    re.DOTALL,
)


class BadLiteralError(ValueError):
    """Says what is wrong with a literal."""


def read_text(written: str) -> str:
    """The text of a string literal: quoted once or three times, raw with `r`. Raises BadLiteralError.

    Every escape is a code point, `\\xNN` and octal ones too.
    """
    raw = written[0] in "rR"
    quoted = written[1:] if raw else written
    size = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1
    body = quoted[size:-size]
    return body if raw else ESCAPE.sub(_unescaped, body)


def _unescaped(escape: re.Match[str]) -> str:
    if escape["simple"]:
        return SIMPLE[escape["simple"]]
    if escape["bad"] is not None:
        raise BadLiteralError("unknown escape sequence")
    digits = escape["byte"] or escape["short"] or escape["long"]
    code = int(digits, 16) if digits else int(escape["octal"], 8)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise BadLiteralError("escape is not a valid Unicode code point")
    return chr(code)


def read_integer(written: str) -> int:
    """The value of `12`, `-12` or `0x1f`. Raises BadLiteralError beyond 64 bits."""
    digits = written.removeprefix("-")
    if len(digits) > 66:
        raise BadLiteralError("value out of range")
    value = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
    value = -value if written.startswith("-") else value
    if not -MAX_INT64 - 1 <= value <= MAX_INT64:
        raise BadLiteralError("value out of range")
    return value
