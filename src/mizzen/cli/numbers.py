"""Numbers on the command line, refused with the value and what is accepted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import typer

_PLAIN = re.compile(r"\d{1,9}(\.\d{1,9})?")


def number_in(first: int, last: int) -> Callable[[str | int], int]:
    """A parser of decimal numbers from `first` to `last`."""

    def parse(text: str | int) -> int:
        digits = str(text).strip()
        if digits.isascii() and digits.isdigit() and first <= int(digits[:12]) <= last:
            return int(digits)
        raise typer.BadParameter(f"'{text}'; accepted: {first} to {last}")

    return parse


port_number = number_in(0, 65535)
worker_count = number_in(0, 1024)


def permissions(text: str | int) -> int:
    """Permissions of a file as `chmod` takes them: `600`, `0660`."""
    if isinstance(text, int):  # a default
        return text
    if not re.fullmatch(r"(0o?)?[0-7]{3}", text, re.ASCII):
        raise typer.BadParameter(f"'{text}'; accepted: three octal digits such as 660")
    return int(text.removeprefix("0o"), 8)


def seconds_in(first: float, last: float) -> Callable[[str | float], float]:
    """A parser of durations such as `5s` or `250ms`, or of plain seconds, as seconds from `first` to `last`."""

    def parse(text: str | float) -> float:
        from mizzen.config.duration import parse_duration

        try:
            seconds = float(text) if _PLAIN.fullmatch(str(text)) else parse_duration(str(text)) / 1e9
        except (ValueError, ArithmeticError):
            seconds = math.nan
        if first <= seconds <= last:
            return seconds
        raise typer.BadParameter(f"'{text}'; accepted: a duration such as 5s or 250ms, {first:g}s to {last:g}s")

    return parse


def rate(text: str | float) -> float:
    """A number per second from 0 up; `inf` is no limit."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if number >= 0:
        return number
    raise typer.BadParameter(f"'{text}'; accepted: a number from 0 up, or inf")
