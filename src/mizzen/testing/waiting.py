"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP_SECONDS = 0.01


def wait_until(condition: Callable[[], T], what: str, seconds: float = 10.0) -> T:
    """Ask every 10 ms until the answer is true and return it; after `seconds` raise `TimeoutError` naming `what`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(STEP_SECONDS)
    return answer
