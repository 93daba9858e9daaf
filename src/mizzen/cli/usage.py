"""A command that answers every wrong command line with its usage text and status 2."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class UsageCommand(TyperCommand):
    """Typer leaves the usage text out where a flag lacks its argument; the original scripts print it there too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "ctx", ctx) is None:
                error.ctx = ctx  # type: ignore[attr-defined]
            raise
