"""One call of a method that waits: it ends once, with the first of an answer, an exception and the end of its time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, Protocol, TypeVar

from mizzen.mixer.calling.errors import HandlerError, described, reason_of
from mizzen.mixer.calling.quarantine import Admission
from mizzen.mixer.calling.timers import Clockwork, Timer

Result = TypeVar("Result")


class Owner(Protocol):
    """Who made the call."""

    name: str
    timeout: float

    def settle(self, template: str, admission: Admission, start: float, reason: str = "", text: str = "") -> None: ...


class OpenCall(Generic[Result]):
    """The call's `future` gets the answer or a `HandlerError`; the adapter's own work may outlive it."""

    def __init__(self, owner: Owner, template: str, wanted: type[Result], admission: Admission, start: float) -> None:
        self.future: Future[Result] = Future()
        self._owner = owner
        self._template = template
        self._wanted = wanted
        self._admission = admission
        self._start = start
        self._lock = threading.Lock()
        self._over = False
        self._timer: Timer | None = None
        self._stop: Callable[[], object] | None = None

    @property
    def is_over(self) -> bool:
        return self._over

    def limit(self, timers: Clockwork) -> None:
        """Starts the clock; call it before the work begins."""
        self._timer = timers.after(self._owner.timeout, self._give_up)

    def stoppable_by(self, stop: Callable[[], object]) -> None:
        """`stop` is called when the time is up, and at once if it is up already."""
        with self._lock:
            self._stop = stop
            late = self._over
        if late:
            stop()

    def succeed(self, answer: object) -> None:
        if isinstance(answer, self._wanted):
            if self._ends():
                self._owner.settle(self._template, self._admission, self._start)
                self.future.set_result(answer)
        else:
            self._fail("error", misfit(answer, self._wanted), None)

    def fail(self, error: BaseException) -> None:
        self._fail(reason_of(error), described(error), error)

    def refuse(self, text: str) -> None:
        """Ends the call before it began: too many are open."""
        self._fail("busy", text, None)

    def _give_up(self) -> None:
        self._fail("timeout", f"no answer within {self._owner.timeout:g} s", None)
        if self._stop is not None:
            self._stop()

    def _fail(self, reason: str, text: str, cause: BaseException | None) -> None:
        if not self._ends():
            return
        self._owner.settle(self._template, self._admission, self._start, reason, text)
        error = HandlerError(f"{self._owner.name}: {text}")
        error.__cause__ = cause
        self.future.set_exception(error)

    def _ends(self) -> bool:
        """Whether the call ends now; False when it has ended before."""
        with self._lock:
            if self._over:
                return False
            self._over = True
        if self._timer is not None:
            self._timer.cancel()
        return True


def misfit(answer: object, wanted: type[Any]) -> str:
    return f"answered with {type(answer).__name__}, not {wanted.__name__}"
