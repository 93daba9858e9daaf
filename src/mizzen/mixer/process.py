"""The life of a Mixer's process: from the first signal to its end, within a bounded time.

The first SIGTERM or SIGINT begins the drain: health and readiness turn to NOT_SERVING, clients are told to go elsewhere
(GOAWAY), open calls are answered, handlers deliver what they hold. A second signal ends the process at once. SIGHUP
makes it look at configuration, adapters and certificates now, where the watch of a file system tells late or nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

import structlog

from mizzen.mixer.server import CLOSE_SECONDS, MixerServer

SIGNALS = (signal.SIGTERM, signal.SIGINT)
SPARE_SECONDS = 1.0
_SIGNALLED = 128


class Signals:
    """The first signal sets `stop`, the second quits with the status that a shell gives for it. What sets `stop`
    otherwise is no signal. SIGHUP sets `again`."""

    def __init__(self, quit_at_once: Callable[[int], None]) -> None:
        self.stop = asyncio.Event()
        self.again = asyncio.Event()
        self._quit = quit_at_once
        self._taken = False

    def listen(self) -> None:
        """Takes the process's signals; to be called in the main thread's event loop."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.take, number)
        loop.add_signal_handler(signal.SIGHUP, self.again.set)

    def take(self, number: int) -> None:
        if self._taken:
            self._quit(_SIGNALLED + number)
        self._taken = True
        self.stop.set()


async def serve(server: MixerServer, announce: Callable[[], None]) -> None:
    """Serves until a signal comes, then drains. `announce` is called once it serves.

    Raises what `MixerServer.start` raises. Threads of adapters that hang do not keep the process: it then ends with
    status 0 from here.
    """
    signals = Signals(quit_now)
    signals.listen()
    if server.settings.role is not None:
        _end_with_the_parent(signals.stop)
    await asyncio.to_thread(server.start)
    announce()
    await server.run_until(signals.stop, signals.again)
    limit = server.settings.drain_seconds + CLOSE_SECONDS + SPARE_SECONDS
    structlog.get_logger().info("draining", seconds=server.settings.drain_seconds)
    end = threading.Timer(limit, _end_late)
    end.daemon = True
    end.start()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.to_thread(server.stop)


def _end_with_the_parent(stop: asyncio.Event) -> None:
    """Begins the drain when standard input ends: the parent wants it so, or is gone."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(0, 1024):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _end_late() -> None:
    structlog.get_logger().error("ending with adapters still at work")
    quit_now(0)


def quit_now(status: int) -> None:
    """Ends the process without waiting for any thread."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
