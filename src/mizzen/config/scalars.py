"""Plain YAML scalars to Python values, by the core schema of YAML 1.2.

YAML 1.1 reads `no` as false and `012` as ten, which turns a country code or a version into something else. Here
`yes`, `no`, `on`, `off` and dates are texts, and a number with a leading zero is refused because the two versions
disagree about it.
"""

from __future__ import annotations

import math
import re

_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_TRUE = frozenset(["true", "True", "TRUE"])
_FALSE = frozenset(["false", "False", "FALSE"])
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITY = re.compile(r"[-+]?\.(?:inf|Inf|INF)", re.ASCII)
_NOT_A_NUMBER = frozenset([".nan", ".NaN", ".NAN"])
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_LONGEST_NUMBER = 400


class ScalarError(ValueError):
    """A plain scalar whose meaning is not clear; the text says how to write it."""


def resolve_plain(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar; ScalarError when it is ambiguous."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] in "+-.0123456789" and len(text) <= _LONGEST_NUMBER:
        return _resolve_number(text)
    return text


def _resolve_number(text: str) -> str | int | float:
    if _LEADING_ZERO.fullmatch(text):
        raise ScalarError("is octal in YAML 1.1 and decimal in YAML 1.2")
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return math.nan if text in _NOT_A_NUMBER else text
