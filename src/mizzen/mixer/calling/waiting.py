"""Calls of the Mixer as steps that can be left and taken up again.

A call is a generator: it yields the future of an answer that is not there yet and goes on when it is. One that meets
no handler that waits never yields, and then costs no more than a plain function.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeAlias, TypeVar

from mizzen.mixer.tracing.current import CURRENT, CallTrace

Result = TypeVar("Result")
Waits: TypeAlias = Generator[Future[Any], None, Result]
Run: TypeAlias = Callable[[Callable[[], None]], None]


def resolve(answer: Result | Future[Result]) -> Waits[Result]:
    """The answer, after waiting for it where it is a future; raises what the future holds."""
    if isinstance(answer, Future):
        if not answer.done():
            yield answer
        return answer.result()
    return answer


def failed(error: Exception) -> Future[Any]:
    """The future of an answer that has failed already."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def drive(steps: Waits[None], run: Run) -> Future[None] | None:
    """Runs `steps` until they end or wait.

    None when they ended at once (an exception comes through), else the future of their end. What follows a wait is
    given to `run`, because the thread that brings an answer belongs to an adapter.
    """
    try:
        waited = next(steps)
    except StopIteration:
        return None
    outcome: Future[None] = Future()
    _go_on_after(waited, steps, outcome, run)
    return outcome


def _go_on_after(waited: Future[Any], steps: Waits[None], outcome: Future[None], run: Run) -> None:
    trace = CURRENT.get()
    waited.add_done_callback(lambda _: run(lambda: _go_on(steps, outcome, run, trace)))


def _go_on(steps: Waits[None], outcome: Future[None], run: Run, trace: CallTrace | None) -> None:
    token = CURRENT.set(trace)  # this thread has its own
    try:
        waited = next(steps)
    except StopIteration:
        outcome.set_result(None)
    except BaseException as error:  # belongs to whoever waits for the outcome
        outcome.set_exception(error)
    else:
        _go_on_after(waited, steps, outcome, run)
    finally:
        CURRENT.reset(token)
