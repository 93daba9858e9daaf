"""A ledger in another process, over a stream socket."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from mizzen.mixer.adapters.memquota.ledger import Granted, Take
from mizzen.mixer.adapters.memquota.messages import HOLD, RELEASE, TAKE, Messages, pack
from mizzen.mixer.adapters.results import AdapterError

_GONE = "the process that counts quotas is gone"
_RECEIVED = 1 << 16


class RemoteLedger:
    """Asks over `connection`, which it owns. Safe to use from several threads; questions may be under way together.

    Every future ends: with an answer, or with `AdapterError` when the other process refuses or is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, Future[Granted]] = {}
        self._gone = False
        threading.Thread(target=self._receive, name="quota counts", daemon=True).start()

    def take(self, take: Take) -> Future[Granted]:
        return self._ask(TAKE, *take)

    def hold(self, stores: Sequence[str], memories: Mapping[str, float]) -> Future[Granted]:
        """The answer's amount is the number to release."""
        return self._ask(HOLD, list(stores), dict(memories))

    def release(self, number: int) -> Future[Granted]:
        return self._ask(RELEASE, number)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # the other process was quicker
            self._connection.shutdown(socket.SHUT_RDWR)

    def _ask(self, *fields: object) -> Future[Granted]:
        future: Future[Granted] = Future()
        with self._lock:  # one question after the other
            if self._gone:
                future.set_exception(AdapterError(_GONE))
                return future
            number = next(self._numbers)
            self._open[number] = future
            try:
                self._connection.sendall(pack(number, *fields))
            except OSError:
                del self._open[number]
                future.set_exception(AdapterError(_GONE))
        return future

    def _receive(self) -> None:
        messages = Messages()
        with contextlib.suppress(OSError, ValueError):
            while data := self._connection.recv(_RECEIVED):
                for number, amount, rest in messages.feed(data):
                    with self._lock:
                        future = self._open.pop(number, None)
                    if future is not None and future.set_running_or_notify_cancel():
                        _settle(future, amount, rest)
        self._give_up()

    def _give_up(self) -> None:
        with self._lock:
            self._gone = True
            left = list(self._open.values())
            self._open.clear()
        self._connection.close()
        for future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(AdapterError(_GONE))


def _settle(future: Future[Granted], amount: int | None, rest: float | str) -> None:
    if amount is None or isinstance(rest, str):
        future.set_exception(AdapterError(f"the process that counts quotas says: {rest}"))
    else:
        future.set_result(Granted(amount, rest))
