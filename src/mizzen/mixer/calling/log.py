"""Log lines of threads that must not end because the log cannot be written."""

from __future__ import annotations

import contextlib

import structlog


def say(event: str, error: BaseException | None = None, *, level: str = "error", **details: object) -> None:
    """Logs `event`, with the traceback of `error`. Never raises: standard error may be closed."""
    with contextlib.suppress(Exception):
        extra = {} if error is None else {"exc_info": error}
        getattr(structlog.get_logger(), level)(event, **details, **extra)
