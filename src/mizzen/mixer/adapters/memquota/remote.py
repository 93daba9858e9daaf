"""A ledger in another process, over a stream socket."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from mizzen.mixer.adapters.memquota.ledger import Take
from mizzen.mixer.adapters.memquota.messages import HOLD, RELEASE, TAKE, Messages, pack
from mizzen.mixer.adapters.results import AdapterError, QuotaResult

Made = TypeVar("Made")

_GONE = "the process that counts quotas is gone"
_BUSY = "the process that counts quotas does not keep up"
_PATIENCE_MS = 100
_RECEIVED = 1 << 16


@dataclass(frozen=True)
class _Question(Generic[Made]):
    """One that is open, and what is made of its answer."""

    future: Future[Made]
    make: Callable[[int, float], Made]

    def settle(self, amount: int | None, rest: float | str) -> None:
        if not self.future.set_running_or_notify_cancel():
            return  # nobody waits any more
        if amount is None or isinstance(rest, str):
            self.future.set_exception(AdapterError(f"the process that counts quotas says: {rest}"))
        else:
            self.future.set_result(self.make(amount, rest))

    def fail(self, text: str) -> None:
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(AdapterError(text))


class RemoteLedger:
    """Asks over `connection`, which it owns. Safe to use from several threads; questions may be under way together.

    Every future ends: with an answer, or with `AdapterError` when the other process refuses, does not keep up or is
    gone. Asking waits for nothing, but once up to 0.1 s where the other process has left a full connection unread.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, _Question[QuotaResult] | _Question[int]] = {}
        self._gone = False
        self._keeps_up = True
        threading.Thread(target=self._receive, name="quota counts", daemon=True).start()

    def take(self, take: Take) -> Future[QuotaResult]:
        """Cancelling the future withdraws nothing: the units are counted all the same."""
        question = _Question(Future[QuotaResult](), _granted)
        self._ask(question, TAKE, *take)
        return question.future

    def hold(self, stores: Sequence[str], memories: Mapping[str, float]) -> Future[int]:
        """Answers with the number to release."""
        question = _Question(Future[int](), _number)
        self._ask(question, HOLD, list(stores), dict(memories))
        return question.future

    def release(self, number: int) -> Future[int]:
        question = _Question(Future[int](), _number)
        self._ask(question, RELEASE, number)
        return question.future

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the other process was quicker
            self._connection.shutdown(socket.SHUT_RDWR)

    def _ask(self, question: _Question[QuotaResult] | _Question[int], *fields: object) -> None:
        with self._lock:  # one question after the other
            failure = _GONE if self._gone else ""
            if not failure:
                number = next(self._numbers)
                self._open[number] = question
                failure = self._send(pack(number, *fields))
                if failure:
                    del self._open[number]
        if failure:
            question.fail(failure)

    def _send(self, message: bytes) -> str:
        """Why the message was not sent; empty if it was."""
        try:
            sent = self._send_now(message)
            if not sent and self._is_writable():
                sent = self._send_now(message)
            self._keeps_up = sent > 0
            if not sent:
                return _BUSY
            if sent < len(message):  # of more than 32 KiB, so no `Take`; the rest must follow or nothing could be read
                self._connection.sendall(message[sent:])
        except OSError:
            return _GONE
        return ""

    def _send_now(self, message: bytes) -> int:
        try:
            return self._connection.send(message, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _is_writable(self) -> bool:
        """Whether it is, within a moment; once it was not, nobody waits until it is."""
        waiting = select.poll()
        waiting.register(self._connection, select.POLLOUT)
        return bool(waiting.poll(_PATIENCE_MS if self._keeps_up else 0))

    def _receive(self) -> None:
        messages = Messages()
        with contextlib.suppress(OSError, ValueError):
            while data := self._connection.recv(_RECEIVED):
                for number, amount, rest in messages.feed(data):
                    with self._lock:
                        question = self._open.pop(number, None)
                    if question is not None:
                        question.settle(amount, rest)
        self._give_up()

    def _give_up(self) -> None:
        with self._lock:
            self._gone = True
            left = list(self._open.values())
            self._open.clear()
        self._connection.close()
        for question in left:
            question.fail(_GONE)


def _granted(amount: int, seconds: float) -> QuotaResult:
    return QuotaResult(amount=amount, valid_for=seconds)


def _number(amount: int, _: float) -> int:
    return amount
