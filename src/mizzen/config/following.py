"""When to look at directories again: told by the kernel (watchfiles), and now and then unasked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, awatch

BACKOFF_SECONDS = 1.0
"""After which a directory that went away is looked for again."""


@dataclass(frozen=True)
class Pace:
    """A change is told once nothing else changed for `quiet_ms`, but after `longest_wait_ms` at the latest.

    Where nothing is told for `untold_ms` it is time to look all the same, for file systems that do not tell.
    """

    quiet_ms: int
    longest_wait_ms: int
    untold_ms: int = 5_000


async def times_to_look(
    directories: Sequence[Path], is_relevant: Callable[[Change, str], bool], pace: Pace
) -> AsyncGenerator[None, None]:
    """Yields at once, and then after each relevant change. To be closed; OSError when a directory is missing."""
    changes = awatch(
        *directories,
        watch_filter=is_relevant,
        step=pace.quiet_ms,
        debounce=pace.longest_wait_ms,
        rust_timeout=pace.untold_ms,
        yield_on_timeout=True,
    )
    told = asyncio.ensure_future(anext(changes))
    try:
        await asyncio.sleep(0)  # lets the watch begin, so that no change can fall between it and the first look
        while True:
            yield
            await told
            told = asyncio.ensure_future(anext(changes))
    finally:
        told.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, OSError):
            await told
        await changes.aclose()
