"""What the functions compute, on any text: a result or a ConversionFailure, in bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.mixer.expr import operations
from mizzen.mixer.expr.operations import ConversionFailure

CONVERSIONS: list[Callable[[str], Any]] = [
    operations.to_ip,
    operations.to_timestamp,
    operations.to_dns_name,
    operations.to_email,
    operations.to_uri,
    operations.dns_comparable,
    operations.email_comparable,
    operations.uri_comparable,
    operations.compile_pattern,
]
PIECES = [
    "xn--",
    "a",
    "-",
    ".",
    "@",
    '"',
    "\\",
    "<",
    ">",
    ":",
    "/",
    "//",
    "?",
    "#",
    "%",
    "%4",
    "[",
    "]",
    "http",
    "80",
    "9999999999",
]
PIECES += [
    "é",
    "\u200d",
    "\u0301",
    "\u05d0",
    "ß",
    "。",
    "(",
    "*",
    "+",
    "{9}",
    "bcher-kva",
    "T",
    "Z",
    "2018-01-01",
    "\ud800",
    "\0",
]
TEXTS = st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@pytest.mark.parametrize("convert", CONVERSIONS, ids=lambda convert: convert.__name__)
@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_any_text_is_converted_or_refused(convert: Callable[[str], Any], text: str) -> None:
    try:
        convert(text)
    except ConversionFailure as failure:
        refused = failure
    else:
        return
    assert text in str(refused) or not text


@settings(deadline=None)
@given(TEXTS)
def test_a_converted_name_equals_itself(text: str) -> None:
    pairs: list[tuple[Callable[[str], str], Callable[[str, str], bool]]] = [
        (operations.to_dns_name, operations.dns_equal),
        (operations.to_email, operations.email_equal),
    ]
    for convert, equal in pairs:
        try:
            converted = convert(text)
        except ConversionFailure:
            continue
        assert equal(converted, text)


@pytest.mark.parametrize("convert", CONVERSIONS[:8], ids=lambda convert: convert.__name__)
@pytest.mark.parametrize(
    "text", ["a" * 200_000, "xn--" + "z" * 200_000, "a." * 100_000, "\u0301" * 100_000, '"' + "\\a" * 100_000]
)
def test_a_hostile_text_costs_little(convert: Callable[[str], Any], text: str) -> None:
    start = time.process_time()
    with suppress(ConversionFailure):
        convert(text)
    assert time.process_time() - start < 0.5
