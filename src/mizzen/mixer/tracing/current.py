"""The trace of the call that is being run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class CallTrace(Protocol):
    """A call that is traced."""

    def around(
        self, template: str, handler: str, adapter: str, ask: Callable[[], Result | Future[Result]]
    ) -> Result | Future[Result]:
        """What `ask` gives or raises, with a span from now until the answer is there."""


CURRENT: ContextVar[CallTrace | None] = ContextVar("mizzen_call_trace", default=None)
