"""Failures of handlers."""

from __future__ import annotations

import asyncio

from mizzen.mixer.adapters import PartialReportError


class HandlerError(Exception):
    """An adapter raised, timed out or answered with something else than a result; the text names the handler."""


class QuarantinedError(HandlerError):
    """The handler is in quarantine: it was not called."""


def described(error: BaseException) -> str:
    """What an exception says, or what it is."""
    if isinstance(error, asyncio.CancelledError):
        return "the call was cancelled"
    return str(error) or type(error).__name__


def reason_of(error: BaseException) -> str:
    """How a failure is counted. A report that was taken in part tells of bad instances, not of a bad adapter."""
    return "partial" if isinstance(error, PartialReportError) else "error"
