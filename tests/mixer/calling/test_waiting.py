from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

import pytest

from mizzen.mixer.calling import Waits, drive, failed, resolve


class Later:
    """Runs what is given when told."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], None]) -> None:
        self.work.append(work)

    def run(self) -> None:
        while self.work:
            self.work.pop(0)()


def steps(answers: list[int | Future[int]], found: list[int]) -> Waits[None]:
    for answer in answers:
        value = yield from resolve(answer)
        found.append(value)


def test_a_call_that_waits_for_nothing_is_done_at_once() -> None:
    found: list[int] = []
    assert drive(steps([1, 2], found), Later()) is None
    assert found == [1, 2]


def test_an_answer_that_is_there_already_is_not_waited_for() -> None:
    ready: Future[int] = Future()
    ready.set_result(7)
    found: list[int] = []
    assert drive(steps([ready], found), Later()) is None
    assert found == [7]


def test_a_call_goes_on_when_its_answer_is_there() -> None:
    first: Future[int] = Future()
    second: Future[int] = Future()
    found: list[int] = []
    later = Later()
    outcome = drive(steps([first, 2, second], found), later)
    assert outcome is not None
    second.set_result(3)
    assert found == []
    first.set_result(1)
    assert found == [], "an adapter's thread does not run the Mixer's work"
    later.run()
    assert found == [1, 2, 3]
    assert outcome.result(0) is None


def test_a_failure_at_once_is_raised() -> None:
    with pytest.raises(KeyError):
        drive(steps([failed(KeyError("x"))], []), Later())


def test_a_failure_after_a_wait_is_in_the_outcome() -> None:
    answer: Future[int] = Future()
    later = Later()
    outcome = drive(steps([answer], []), later)
    assert outcome is not None
    answer.set_exception(KeyError("x"))
    later.run()
    with pytest.raises(KeyError):
        outcome.result(0)
