"""A bounded queue between reports and a background that sends: no report waits for a network, and all is accounted for.

taken = sent + dropped + pending; each is a metric of the handler.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge

from mizzen.mixer.adapters.environment import Environment

Item = TypeVar("Item")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
CLOSE_S = 3.0
_LONGEST_TICK_S = 1.0


class SendError(Exception):
    """A batch did not arrive, and may if it is sent again."""


class RefusedError(SendError):
    """The receiver will never take this batch."""


@dataclass(frozen=True)
class OutboxLimits:
    """`capacity` items are kept; a batch has at most `batch_items` items and `batch_bytes` bytes, and is sent after
    `interval` seconds or once there is a full one. Sending may take `timeout` seconds."""

    capacity: int
    interval: float
    timeout: float
    batch_items: int
    batch_bytes: int = 2**31
    drops_oldest: bool = False


class Outbox(Generic[Item]):
    """Sends items in batches, in order, one batch at a time; a batch that did not arrive is kept and sent again after
    a pause of 0.5 s, 1 s and so on up to 30 s.

    When it is full the newest item is dropped, or the oldest with `drops_oldest`. `name` begins the names of the
    metrics (`mizzen_<name>_sent_total`). `send(batch, timeout)` raises `SendError` or `RefusedError`; a number that it
    returns is that of the items which the receiver refused while it took the others.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        registry: CollectorRegistry,
        limits: OutboxLimits,
        send: Callable[[Sequence[Item], float], int | None],
    ) -> None:
        self._name = name
        self._environment = environment
        self._limits = limits
        self._send = send
        self._lock = threading.Lock()  # guards the queue
        self._sending = threading.Lock()  # held while a batch is on its way
        self._queue: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._batch: list[Item] = []
        self._closed = False
        self._pause = 0.0
        self._not_before = 0.0
        self._due = environment.monotonic() + limits.interval
        self._make_metrics(registry)
        tick = min(limits.interval, _LONGEST_TICK_S)
        self._task = environment.scheduler.every(tick, self._tick, name=f"{environment.handler} {name}")

    @property
    def pending(self) -> int:
        """Items that are neither sent nor dropped."""
        with self._lock:
            return len(self._queue) + len(self._batch)

    def add(self, item: Item, size: int = 0) -> bool:
        """Takes an item of `size` bytes; False if it was dropped at once. Never waits for the network."""
        reason = ""
        with self._lock:
            self._taken.inc()
            if self._closed:
                reason = "closed"
            elif size > self._limits.batch_bytes:
                reason = "too_large"
            elif len(self._queue) + len(self._batch) >= self._limits.capacity:
                if self._limits.drops_oldest and self._queue:
                    self._bytes -= self._queue.popleft()[1]
                    self.drop(1, "full")
                else:
                    reason = "full"
            if not reason:
                self._queue.append((item, size))
                self._bytes += size
            full = self._is_full()
        if reason:
            self.drop(1, reason)
        if full:
            self._task.wake()
        return not reason

    def drop(self, items: int, reason: str) -> None:
        """Counts items that were taken and will not be sent."""
        if items:
            self._dropped.labels(self._environment.handler, reason).inc(items)

    def close(self, seconds: float = CLOSE_S) -> None:
        """Sends what is left, for about `seconds` at most; the rest is dropped and counted."""
        with self._lock:
            self._closed = True
        end = self._environment.monotonic() + seconds
        idle = self._sending.acquire(timeout=seconds)
        if idle:
            try:
                self._send_all(end)
            finally:
                self._sending.release()
        self._task.cancel()
        with self._lock:
            left = len(self._queue)
            self._queue.clear()
            if idle:  # else the batch is still on its way, and is counted when that ends
                left += len(self._batch)
                self._batch = []
        self.drop(left, "closed")

    def _tick(self) -> None:
        now = self._environment.monotonic()
        with self._lock:
            ready = not self._closed and (now >= self._due or bool(self._batch) or self._is_full())
        if not ready or now < self._not_before:
            return
        self._due = now + self._limits.interval
        with self._sending:
            self._send_all(None)

    def _send_all(self, end: float | None) -> None:
        """Until nothing is left, a batch does not arrive, it is `end`, or (without one) the outbox is closed."""
        while (end is not None or not self._closed) and (batch := self._next_batch()):
            timeout = self._limits.timeout
            if end is not None:
                timeout = min(timeout, end - self._environment.monotonic())
                if timeout <= 0:
                    return
            try:
                refused = max(0, min(self._send(batch, timeout) or 0, len(batch)))
            except RefusedError as error:
                self._done()
                self.drop(len(batch), "refused")
                self._failed(str(error), len(batch))
            except SendError as error:
                if end is None and self._closed:
                    self._done()
                    self.drop(len(batch), "closed")
                self._pause = min(self._pause * 2 or FIRST_PAUSE_S, LONGEST_PAUSE_S)
                self._not_before = self._environment.monotonic() + self._pause
                self._failed(str(error), 0)
                return
            except Exception as error:
                self._done()
                self.drop(len(batch), "error")
                self._failed(f"{type(error).__name__}: {error}", len(batch))
            else:
                self._done()
                self._sent.inc(len(batch) - refused)
                self.drop(refused, "refused")
                self._pause = 0.0

    def _next_batch(self) -> list[Item]:
        with self._lock:
            size = 0
            if not self._batch:
                batch: list[Item] = []
                while self._queue and len(batch) < self._limits.batch_items:
                    size += self._queue[0][1]
                    if batch and size > self._limits.batch_bytes:
                        break
                    item, bytes_ = self._queue.popleft()
                    batch.append(item)
                    self._bytes -= bytes_
                self._batch = batch
            return self._batch

    def _done(self) -> None:
        with self._lock:
            self._batch = []

    def _is_full(self) -> bool:
        """Whether there is enough for a batch, or the queue is half full."""
        limits = self._limits
        enough = min(limits.batch_items, max(1, limits.capacity // 2))
        return len(self._queue) >= enough or self._bytes >= limits.batch_bytes

    def _failed(self, reason: str, dropped: int) -> None:
        self._failures.inc()
        self._environment.logger.warning(
            f"{self._name}: a batch did not arrive", handler=self._environment.handler, error=reason, dropped=dropped
        )

    def _make_metrics(self, registry: CollectorRegistry) -> None:
        handler, start = self._environment.handler, f"mizzen_{self._name}"
        self._taken = Counter(f"{start}_taken", "Items to send", ["handler"], registry=registry).labels(handler)
        self._sent = Counter(f"{start}_sent", "Items that arrived", ["handler"], registry=registry).labels(handler)
        self._dropped = Counter(
            f"{start}_dropped", "Items that were not sent, by reason", ["handler", "reason"], registry=registry
        )
        self._failures = Counter(
            f"{start}_send_failures", "Batches that did not arrive, tries counted", ["handler"], registry=registry
        ).labels(handler)
        pending = Gauge(f"{start}_pending", "Items waiting to be sent", ["handler"], registry=registry)
        pending.labels(handler).set_function(lambda: self.pending)
