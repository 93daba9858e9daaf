"""Attributes from the command line: `name=value,name=value`, as mixc takes them.

A comma in a value is written `\\,`, a semicolon in a string map `\\;`. Values without a stated type take the type
that the attribute has; for attributes that are not known the first of int64, double, bool, timestamp, duration, bytes,
string map and string that reads the text. (mixc guesses for all attributes, and takes any hexadecimal digits for bytes;
here bytes need a colon.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from mizzen.mixer.expr import Value, ValueType, Vocabulary
from mizzen.mixer.expr.texts import ACCEPTED, read_value
from mizzen.wire import Duration, QuotaParams, Timestamp

_SPLIT = re.compile(r"(?<!\\),")
_SPLIT_ENTRIES = re.compile(r"(?<!\\);")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_BYTES = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2})*")
_LARGEST_DIGITS = 20
_INT64 = range(-(2**63), 2**63)
_BOOLS = {
    **dict.fromkeys(["1", "t", "T", "true", "TRUE", "True"], True),
    **dict.fromkeys(["0", "f", "F", "false", "FALSE", "False"], False),
}


class AttributeTextError(ValueError):
    """An attribute or quota on the command line that cannot be read; the text says what is accepted."""


Reader = Callable[[str], Value]


def read_pairs(texts: Iterable[str], read: Callable[[str, str], Value]) -> dict[str, Value]:
    """The pairs of all `texts`; `read` gets name and value. A later pair of the same name counts.

    Raises AttributeTextError.
    """
    values: dict[str, Value] = {}
    for text in texts:
        for pair in _SPLIT.split(text):
            name, equals, value = pair.partition("=")
            if not equals or not name:
                raise AttributeTextError(f"'{pair}'; accepted: name=value, several with commas between them")
            values[name] = read(name, value.replace("\\,", ","))
    return values


def typed(reader: Reader, accepted: str) -> Callable[[str, str], Value]:
    """Reads every value with `reader`."""

    def read(name: str, text: str) -> Value:
        try:
            return reader(text)
        except ValueError:
            raise AttributeTextError(f"{name}: '{text}'; accepted: {accepted}") from None

    return read


def auto(vocabulary: Vocabulary) -> Callable[[str, str], Value]:
    """Reads a value by the type that `vocabulary` has for the attribute, else by what it looks like."""

    def read(name: str, text: str) -> Value:
        kind = vocabulary.get(name)
        if kind is None:
            return guess(text)
        try:
            return _of_kind(kind, text)
        except ValueError:
            raise AttributeTextError(f"{name}: '{text}'; accepted: {ACCEPTED[kind]} ({kind})") from None

    return read


def guess(text: str) -> Value:
    """What a text without a type is, in mixc's order."""
    for reader in (read_int64, read_double, read_bool, read_timestamp, read_duration, _bytes_with_colon, read_map):
        try:
            return reader(text)
        except ValueError:
            continue
    return text


def read_quotas(texts: Iterable[str]) -> dict[str, QuotaParams]:
    """`name=amount` pairs; best effort, as mixc asks. Raises AttributeTextError."""
    amounts = read_pairs(texts, typed(read_int64, "name=amount, a whole number of 64 bits"))
    return {name: QuotaParams(amount, True) for name, amount in amounts.items() if isinstance(amount, int)}


def read_string(text: str) -> Value:
    return text


def read_int64(text: str) -> Value:
    if not _INTEGER.fullmatch(text) or len(text) > _LARGEST_DIGITS or int(text) not in _INT64:
        raise ValueError(text)
    return int(text)


def read_double(text: str) -> Value:
    if "_" in text or text != text.strip():
        raise ValueError(text)
    value = float(text)
    if not math.isfinite(value) and text.lower().lstrip("+-") not in ("inf", "infinity", "nan"):
        raise ValueError(text)
    return value


def read_bool(text: str) -> Value:
    if text not in _BOOLS:
        raise ValueError(text)
    return _BOOLS[text]


def read_timestamp(text: str) -> Value:
    return read_value(ValueType.TIMESTAMP, text)


def read_duration(text: str) -> Value:
    return read_value(ValueType.DURATION, text)


def read_bytes(text: str) -> Value:
    """Hexadecimal bytes with colons between them."""
    if not _BYTES.fullmatch(text):
        raise ValueError(text)
    return bytes(int(part, 16) for part in text.split(":"))


def read_map(text: str) -> Value:
    """`key:value;key:value`; a value may hold colons, a key may begin with one, as `:path` does."""
    entries: dict[str, str] = {}
    for entry in _SPLIT_ENTRIES.split(text):
        colon = entry.find(":", 1)
        if colon < 0:
            raise ValueError(text)
        entries[entry[:colon]] = entry[colon + 1 :].replace("\\;", ";")
    return entries


def _bytes_with_colon(text: str) -> Value:
    if ":" not in text:
        raise ValueError(text)
    return read_bytes(text)


def _of_kind(kind: ValueType, text: str) -> Value:
    reader = _BY_KIND.get(kind)
    return reader(text) if reader else read_value(kind, text)


def _read_ip(text: str) -> Value:
    try:
        return read_value(ValueType.IP_ADDRESS, text)
    except ValueError:
        value = read_bytes(text)
        if not isinstance(value, bytes) or len(value) not in (4, 16):
            raise
        return value


_BY_KIND: Mapping[ValueType, Reader] = {
    ValueType.INT64: read_int64,
    ValueType.DOUBLE: read_double,
    ValueType.BOOL: read_bool,
    ValueType.IP_ADDRESS: _read_ip,
    ValueType.STRING_MAP: read_map,
}


def describe(value: Value) -> object:
    """A value as JSON shows it; bytes that are no address in hexadecimal, with colons."""
    if isinstance(value, bytes):
        from mizzen.mixer.adapters.texts import to_address

        address = to_address(value)
        return str(address) if address else value.hex(":")
    if isinstance(value, Timestamp | Duration):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else value
