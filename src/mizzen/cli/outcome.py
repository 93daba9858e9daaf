"""How a verb ends and in which form it prints."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn

import typer

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3


class Output(Enum):
    TEXT = "text"
    JSON = "json"


def fail(verb: str, text: str, status: int) -> NoReturn:
    """End the process with a line on standard error."""
    typer.echo(f"mizzen {verb}: {text}", err=True)
    raise typer.Exit(status)
