"""Calls of one handler's methods: in place, on threads or on a loop, with a limit of time, counted and quarantined.

| method | runs |
|---|---|
| `async def` | on the event loop of the handler, which has a thread of its own |
| plain, of an adapter with `blocking = True` | on the threads of the handler |
| plain, of any other adapter | at once, on the thread of the Mixer's call |

A plain method of the last kind may return a `concurrent.futures.Future`, which threads of the adapter's own end.

A call in place cannot be stopped; one that takes longer than the limit counts as a failure for the quarantine.
"""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, TypeVar

from mizzen.config.kinds import CallLimits, QuarantineLimits
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.calling.errors import HandlerError, QuarantinedError, described, reason_of
from mizzen.mixer.calling.log import say
from mizzen.mixer.calling.loop import LoopThread
from mizzen.mixer.calling.open_call import OpenCall, misfit
from mizzen.mixer.calling.quarantine import Admission, Quarantine
from mizzen.mixer.calling.threads import Threads, run_within
from mizzen.mixer.calling.timers import Clockwork, Timers

if TYPE_CHECKING:
    from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.tracing.current import CURRENT

Result = TypeVar("Result")
METHODS = ("check", "quota", "report", "report_groups", "generate")
_CLOSE_SECONDS = 5.0
_TIMERS = Timers()


class Caller:
    """Calls one handler. Whatever its adapter raises becomes `HandlerError`."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        metrics: RuntimeMetrics,
        calls: CallLimits | None = None,
        quarantine: QuarantineLimits | None = None,
        *,
        clock: Callable[[], float] = time.perf_counter,
        timers: Clockwork | None = None,
    ) -> None:
        limits, bounds = calls or CallLimits(), quarantine or QuarantineLimits()
        self.name = name
        self.adapter = adapter
        self.timeout = limits.timeout / 1e9
        self.quarantine = Quarantine(bounds.failures, bounds.window / 1e9, bounds.pause / 1e9, clock)
        self._most_open = limits.open
        self._metrics = metrics
        self._clock = clock
        self._timers = timers or _TIMERS
        self._threads = Threads(limits.threads, f"adapter {name}")
        self._loop = LoopThread(f"adapter {name} loop")
        self._methods: dict[str, Callable[..., Any]] = {method: getattr(adapter, method) for method in METHODS}
        self._asynchronous = frozenset(
            method for method, function in self._methods.items() if inspect.iscoroutinefunction(function)
        )
        self._lock = threading.Lock()
        self._open = 0
        self._last_error = ""

    @property
    def may_wait(self) -> bool:
        """Whether the answer to a call may be a future."""
        return self.adapter.blocking or bool(self._asynchronous)

    def call(self, method: str, template: str, wanted: type[Result], *arguments: object) -> Result | Future[Result]:
        """The answer, or its future; both raise `HandlerError`. A future is done at the latest when the time is up."""
        trace = CURRENT.get()
        if trace is None:
            return self._call(method, template, wanted, *arguments)
        ask = functools.partial(self._call, method, template, wanted, *arguments)
        return trace.around(template, self.name, self.adapter.name, ask)

    def _call(self, method: str, template: str, wanted: type[Result], *arguments: object) -> Result | Future[Result]:
        admission = self.quarantine.admit()
        if admission is Admission.NO:
            raise self._refusal()
        start = self._clock()
        function = self._methods[method]
        if method in self._asynchronous or self.adapter.blocking:
            call = OpenCall(self, template, wanted, admission, start)
            return self._begin(call, method in self._asynchronous, function, arguments)
        try:
            answer = function(*arguments)
        except (Exception, SystemExit) as error:  # an adapter must not end the Mixer
            text = described(error)
            self.settle(template, admission, start, reason_of(error), text)
            raise HandlerError(f"{self.name}: {text}") from error
        if isinstance(answer, wanted):
            self.settle(template, admission, start)
            return answer
        if isinstance(answer, Future):
            return self._await(OpenCall(self, template, wanted, admission, start), answer)
        if inspect.isawaitable(answer):
            call = OpenCall(self, template, wanted, admission, start)
            return self._begin(call, True, _awaiting(answer), ())
        text = misfit(answer, wanted)
        self.settle(template, admission, start, "error", text)
        raise HandlerError(f"{self.name}: {text}")

    def settle(self, template: str, admission: Admission, start: float, reason: str = "", text: str = "") -> None:
        """Takes the end of a call into metrics and quarantine; without a `reason` it was a success."""
        seconds = self._clock() - start
        self._metrics.dispatched(template, self.name, self.adapter.name, bool(reason), seconds)
        if reason:
            self._metrics.handler_failures.labels(self.name, reason).inc()
        elif seconds > self.timeout:
            text = f"took {seconds:.3g} s, longer than {self.timeout:g} s"
            self._metrics.handler_failures.labels(self.name, "slow").inc()
        if reason == "busy" and admission is Admission.YES:
            return  # says how much is asked, not whether the adapter works
        if text and reason != "partial":
            self._count_failure(admission, text)
        elif self.quarantine.succeeded(admission):
            self._metrics.handler_quarantined.labels(self.name).set(0)
            say("handler is out of quarantine", level="warning", handler=self.name)

    def close(self) -> None:
        """Closes the adapter, waiting for at most a few seconds, and ends the threads. Never raises."""
        close = self.adapter.close
        try:
            if inspect.iscoroutinefunction(close):
                self._loop.submit(close()).result(_CLOSE_SECONDS)
            else:
                run_within(_CLOSE_SECONDS, close, f"close {self.name}")
        except BaseException as error:  # also SystemExit: an adapter must not end the Mixer
            self._metrics.handler_close_failures.inc()
            say("handler failed to close", handler=self.name, reason=described(error))
        self._metrics.handlers_closed.inc()
        self._threads.close()
        self._loop.close()
        if self.quarantine.is_active:
            self._metrics.handler_quarantined.labels(self.name).set(0)

    def _count_failure(self, admission: Admission, text: str) -> None:
        self._last_error = text
        if self.quarantine.failed(admission):
            self._metrics.handler_quarantines.labels(self.name).inc()
            self._metrics.handler_quarantined.labels(self.name).set(1)
            seconds = round(self.quarantine.seconds_left, 1)
            say("handler is in quarantine", handler=self.name, seconds=seconds, reason=text)

    def _refusal(self) -> QuarantinedError:
        self._metrics.handler_failures.labels(self.name, "quarantined").inc()
        return QuarantinedError(f"{self.name}: is in quarantine, after: {self._last_error}")

    def _begin(
        self, call: OpenCall[Result], on_loop: bool, function: Callable[..., Any], arguments: tuple[object, ...]
    ) -> Future[Result]:
        with self._lock:
            full = self._open >= self._most_open
            if not full:
                self._open += 1
        if full:
            call.refuse(f"{self._most_open} calls are open")
            return call.future
        call.limit(self._timers)
        try:
            if on_loop:
                self._to_loop(call, function, arguments)
            else:
                self._threads.submit(lambda: self._on_thread(call, function, arguments))
        except RuntimeError as error:  # closed while the call was on its way
            self._ended()
            call.fail(error)
        return call.future

    def _await(self, call: OpenCall[Result], answer: Future[Any]) -> Future[Result]:
        """`answer` is ended by threads of the adapter's own, or cancelled when the time is up."""
        with self._lock:
            self._open += 1
            full = self._open > self._most_open

        def settled(done: Future[Any]) -> None:
            self._ended()
            error = CancelledError() if done.cancelled() else done.exception()
            if error is not None:
                call.fail(error)
            else:
                call.succeed(done.result())

        if full:
            call.refuse(f"{self._most_open} calls are open")
            answer.cancel()
        else:
            call.limit(self._timers)
            call.stoppable_by(answer.cancel)
        answer.add_done_callback(settled)
        return call.future

    def _ended(self) -> None:
        with self._lock:
            self._open -= 1

    def _on_thread(self, call: OpenCall[Any], function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
        try:
            if call.is_over:  # the time was up before a thread was free
                return
            try:
                answer = function(*arguments)
                if inspect.isawaitable(answer):
                    work = self._loop.submit(_awaiting(answer)())
                    call.stoppable_by(work.cancel)
                    answer = work.result()
            except BaseException as error:  # also SystemExit
                call.fail(error)
            else:
                call.succeed(answer)
        finally:
            self._ended()

    def _to_loop(self, call: OpenCall[Any], function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
        async def run() -> None:
            try:
                answer = await function(*arguments)
            except GeneratorExit:
                raise
            except BaseException as error:  # also SystemExit, which would end the loop
                call.fail(error)
            else:
                call.succeed(answer)
            finally:
                self._ended()

        call.stoppable_by(self._loop.submit(run()).cancel)


def _awaiting(answer: Awaitable[Any]) -> Callable[[], Any]:
    async def wait() -> Any:
        return await answer

    return wait
