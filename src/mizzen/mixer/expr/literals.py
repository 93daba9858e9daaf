"""Texts of literals: Go string escapes, RFC 3339 timestamps. All times are integer nanoseconds."""

from __future__ import annotations

import re
from datetime import date

SIMPLE_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")

MAX_INT64 = (1 << 63) - 1

TIMESTAMP = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:Z|([+-])(\d{2}):(\d{2}))", re.ASCII
)
EPOCH_DAY = date(1970, 1, 1).toordinal()


class EscapeError(ValueError):
    """A string literal has a bad escape; `offset` counts from the first character of the body."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def unescape(body: str, quote: str) -> str:
    """The text of a quoted literal's body, by Go's rules. `\\x` and octal escapes give bytes, the rest code points.

    Raises EscapeError for an unknown escape, and for bytes that are not UTF-8: no attribute could ever equal them.
    """
    if "\\" not in body:
        return body
    out = bytearray()
    position = 0
    while (found := body.find("\\", position)) >= 0:
        out += body[position:found].encode()
        escape = ESCAPE.match(body, found)
        if escape is None:
            raise EscapeError("unknown escape sequence", found)
        out += escaped_bytes(escape, quote, found)
        position = escape.end()
    out += body[position:].encode()
    try:
        return out.decode()
    except UnicodeDecodeError:
        raise EscapeError("text is not valid UTF-8", body.find("\\")) from None


def escaped_bytes(escape: re.Match[str], quote: str, offset: int) -> bytes:
    simple, octal, byte, short, long = escape.groups()
    if simple is not None:
        if simple in "'\"":
            if simple != quote:
                raise EscapeError("unknown escape sequence", offset)
            return simple.encode()
        return bytes([SIMPLE_ESCAPES[simple]])
    if octal is not None or byte is not None:
        number = int(octal, 8) if octal is not None else int(byte, 16)
        if number > 255:
            raise EscapeError("octal escape value over 255", offset)
        return bytes([number])
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise EscapeError("escape is not a valid Unicode code point", offset)
    return chr(code).encode()


def quote(text: str) -> str:
    """The text as a double-quoted literal that `unescape` reads back."""
    out = []
    for character in text:
        if character in '"\\':
            out.append("\\" + character)
        elif character == "\n":
            out.append("\\n")
        elif character == "\t":
            out.append("\\t")
        elif character.isprintable():
            out.append(character)
        else:
            code = ord(character)
            out.append(f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def parse_timestamp(text: str) -> int | None:
    """Nanoseconds since the Unix epoch of an RFC 3339 text, or None. Of a fraction nine digits count."""
    found = TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - EPOCH_DAY
    except ValueError:
        return None
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    if found[8] is not None:
        zone_hours, zone_minutes = int(found[9]), int(found[10])
        if zone_hours > 23 or zone_minutes > 59:
            return None
        offset = zone_hours * 3600 + zone_minutes * 60
        seconds += offset if found[8] == "-" else -offset
    return seconds * 1_000_000_000 + int((found[7] or "0")[:9].ljust(9, "0"))
