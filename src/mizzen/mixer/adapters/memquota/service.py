"""The process that has the ledger: answers the others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from mizzen.mixer.adapters.memquota.adapter import SWEEP_SECONDS
from mizzen.mixer.adapters.memquota.ledger import Granted, Ledger, Take
from mizzen.mixer.adapters.memquota.messages import HOLD, RELEASE, TAKE, Messages, pack


class QuotaService:
    """One ledger for several workers. All of it runs on one event loop.

    What a worker held stays held when it ends, until the one that follows it has said what it holds; so nothing is lost
    between the two, and what the new one does not need is forgotten.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self.ledger = Ledger()
        self._clock = clock
        self._lives: dict[int, _Life] = {}
        self._open: set[_Life] = set()
        self._left: dict[int, set[int]] = {}
        self._asked = Counter("mizzen_mixer_shared_quota_calls", "Quotas that workers asked for.", registry=registry)
        cells = Gauge("mizzen_mixer_shared_quota_cells", "Cells that hold units of workers' quotas.", registry=registry)
        cells.set_function(lambda: len(self.ledger))

    async def connect(self, worker: int) -> socket.socket:
        """The other end of a connection of its own for a new life of `worker`."""
        own, given = socket.socketpair()
        own.setblocking(False)
        life = _Life(self, worker)
        self._lives[worker] = life
        self._open.add(life)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: life, own)
        return given

    def settled(self, worker: int) -> None:
        """`worker` has built its handlers: what only its former lives held is forgotten."""
        life = self._lives.get(worker)
        if life is not None:
            life.settled = True
            self._forget(self._left.pop(worker, set()))

    async def sweep(self) -> None:
        """Removes cells that hold nothing, again and again until it is cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.ledger.sweep(self._clock())

    def close(self) -> None:
        """Ends the connections."""
        for life in self._open:
            life.close()

    def answer(self, life: _Life, message: list[Any]) -> bytes:
        number, kind, *fields = message
        try:
            if kind == TAKE:
                self._asked.inc()
                granted = self.ledger.take(Take(*fields), self._clock())
            elif kind == HOLD:
                stores, memories = fields
                granted = Granted(self.ledger.hold(stores, memories, self._clock()), 0.0)
                life.holds.add(granted.amount)
            elif kind == RELEASE:
                (hold,) = fields
                life.holds.discard(hold)
                self.ledger.release(hold)
                granted = Granted(0, 0.0)
            else:
                return pack(number, None, f"unknown question {kind!r}")
        except Exception as error:  # one question must not end the others
            structlog.get_logger().error("quota question failed", worker=life.worker, exc_info=error)
            return pack(number, None, f"{type(error).__name__}: {error}")
        return pack(number, *granted)

    def ended(self, life: _Life) -> None:
        """The worker is gone. One that never served leaves nothing that another does not hold."""
        self._open.discard(life)
        if life.settled:
            self._left.setdefault(life.worker, set()).update(life.holds)
        else:
            self._forget(life.holds)

    def _forget(self, holds: set[int]) -> None:
        for hold in holds:
            self.ledger.release(hold)


class _Life(asyncio.Protocol):
    """The connection of one life of a worker."""

    def __init__(self, service: QuotaService, worker: int) -> None:
        self.worker = worker
        self.settled = False
        self.holds: set[int] = set()
        self._service = service
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None  # noqa: S101 (asyncio's order of events)
        try:
            answers = [self._service.answer(self, message) for message in self._messages.feed(data)]
        except ValueError as error:
            structlog.get_logger().error("quota question cannot be read", worker=self.worker, error=str(error))
            self.close()
        else:
            self._transport.write(b"".join(answers))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._service.ended(self)
