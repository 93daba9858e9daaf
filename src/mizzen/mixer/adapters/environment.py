"""What the Mixer gives a handler: its name, its instances, clocks, a log, background work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import structlog

from mizzen.mixer.adapters.background import ThreadScheduler
from mizzen.mixer.templates import InstanceTypes

if TYPE_CHECKING:
    from mizzen.mixer.adapters.base import Adapter


class Task(Protocol):
    """Work that runs again and again in the background."""

    def wake(self) -> None:
        """Run it now (or once more, if it is running) instead of at the end of the interval."""

    def cancel(self) -> None:
        """Never run it again, and wait a few seconds for a run that is under way. Calling it twice is fine."""


class Scheduler(Protocol):
    """Runs background work apart from calls; an exception in the work is logged and the work goes on."""

    def every(self, seconds: float, work: Callable[[], None], *, name: str) -> Task:
        """Run `work` each `seconds`, the first time after one interval."""


@dataclass(frozen=True)
class Environment:
    """The surroundings of one handler.

    `instances` has the inferred types of every instance that rules send to the handler, by canonical name. `now` is
    the wall clock in nanoseconds since 1970, `monotonic` a clock in seconds that never goes back. `predecessor` is the
    live handler of the same name and adapter that this one replaces, or None: an adapter may take its state over. The
    predecessor keeps receiving calls until the exchange, also when the new handler is discarded.
    """

    handler: str
    instances: Mapping[str, InstanceTypes] = field(default_factory=dict)
    now: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    logger: Any = field(default_factory=structlog.get_logger)
    scheduler: Scheduler = field(default_factory=ThreadScheduler)
    predecessor: Adapter | None = None
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
