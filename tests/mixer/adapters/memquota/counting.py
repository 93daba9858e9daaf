"""The process that counts for others, on a thread of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from mizzen.mixer.adapters.memquota.remote import RemoteLedger
from mizzen.mixer.adapters.memquota.service import QuotaService
from mizzen.mixer.adapters.memquota.shared import SharedMemQuotaAdapter, sharing

PATIENCE = 20.0


class CountingProcess:
    """A `QuotaService` on a loop of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self.service = QuotaService(self.registry, clock)
        self.ledgers: list[RemoteLedger] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def connect(self, worker: int) -> RemoteLedger:
        """The connection of a new life of `worker`."""
        connected = asyncio.run_coroutine_threadsafe(self.service.connect(worker), self._loop)
        self.ledgers.append(RemoteLedger(connected.result(PATIENCE)))
        return self.ledgers[-1]

    def adapter(self, worker: int) -> type[SharedMemQuotaAdapter]:
        return sharing(self.connect(worker))

    def do(self, work: Callable[[], None]) -> None:
        """Runs `work` on the loop, after everything that has arrived there."""

        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE)

    def stop(self) -> None:
        for ledger in self.ledgers:
            ledger.close()
        for work in (self.service.close, lambda: None):  # the second, after the ends of the connections
            self.do(work)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
