"""An event loop on a thread of its own, for watches that no call waits for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any

_CLOSE_S = 3.0


class Background:
    """Runs one coroutine from its construction until it ends or `close` cancels it.

    `ended` is called on the thread at the end, with the exception that ended it, if one did.
    """

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        ended: Callable[[Exception | None], None],
        *,
        name: str,
    ) -> None:
        self._work = work
        self._ended = ended
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Waits at most three seconds. Calling it twice is fine."""
        with contextlib.suppress(RuntimeError):  # the loop may have ended by itself
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(_CLOSE_S)

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()

    def _run(self) -> None:
        self._task = self._loop.create_task(self._work())
        failure: Exception | None = None
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # told to the owner, who knows what it means
            failure = error
        finally:
            self._ended(failure)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
