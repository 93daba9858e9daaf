"""Numbers on the command line, refused with the value and what is accepted."""

from __future__ import annotations

from collections.abc import Callable

import typer


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
