"""What the interpreter must not do while calls are served: stop them all for long.

The collector of cyclic garbage goes through every object of the process at once; with ten thousand rules that is half
a second in which nothing else runs. A configuration holds no cycles and stays for long, so what has been loaded is
taken out of the collector's sight. What is frozen can still be freed, but a cycle that is replaced later stays, so this
happens after the first load and after such that compiled a lot only.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 500
"""Resources that must have been compiled anew before the collector is told again."""
SWITCH_SECONDS = 0.0005
"""How long a thread that computes may keep others from running; the interpreter's own default is ten times that. A call
that comes in during a reload waits for about as long."""


class Settlement:
    """Decides when a loaded configuration is frozen."""

    def __init__(self) -> None:
        self._compiled: int | None = None

    def loaded(self, compiled: int) -> bool:
        """Takes a load that compiled so many resources; whether it was time to freeze, which is done then."""
        first = self._compiled is None
        self._compiled = (self._compiled or 0) + compiled
        if not first and self._compiled < MANY:
            return False
        self._compiled = 0
        if first:
            gc.collect()
        gc.freeze()
        return True


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection inside: it would go through all that is being built again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def switch_often() -> None:
    """Lets threads take turns within half a millisecond, in the whole process."""
    sys.setswitchinterval(SWITCH_SECONDS)
