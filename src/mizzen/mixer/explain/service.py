"""Explained Checks for a front."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from mizzen.mixer.explain.explanation import explained_check
from mizzen.mixer.explain.recorder import Recorder
from mizzen.mixer.runtime.dispatch import Dispatcher
from mizzen.mixer.runtime.failure import CallError
from mizzen.wire import CheckCall


class Explainer:
    """Runs explained Checks through a dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def explain(self, call: CheckCall, done: Callable[[bytes | BaseException], None]) -> None:
        """Decides on `call` as a Check; `done` gets the encoded `ExplainedCheck`, or a fault of the runtime itself.

        A call that cannot be decided is explained like any other. `done` is called once, at once or later.
        """
        recorder = Recorder(call)

        def end(failure: BaseException | None) -> None:
            if failure is not None and not isinstance(failure, CallError):
                done(failure)
                return
            status = (int(failure.code), failure.message) if failure is not None else None
            try:
                encoded = explained_check(recorder, status)
            except Exception as fault:  # an answer must come in any case
                done(fault)
            else:
                done(encoded)

        try:
            waited: Future[None] | None = self._dispatcher.explain(call, recorder.routes)
        except Exception as error:
            end(error)
            return
        if waited is None:
            end(None)
        else:
            waited.add_done_callback(lambda future: end(future.exception()))
