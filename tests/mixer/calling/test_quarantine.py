from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.calling import Admission, Quarantine
from mizzen.testing.clock import FakeClock


class Subject:
    """A quarantine after 3 failures in 30 s, for 10 s."""

    def __init__(self, failures: int = 3) -> None:
        self.clock = FakeClock()
        self.quarantine = Quarantine(failures, 30.0, 10.0, self.clock)

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.quarantine.failed(self.quarantine.admit())

    def succeed(self, times: int = 1) -> None:
        for _ in range(times):
            self.quarantine.succeeded(self.quarantine.admit())


def test_the_last_failure_of_several_begins_the_quarantine() -> None:
    subject = Subject()
    subject.fail(2)
    assert subject.quarantine.admit() is Admission.YES
    subject.fail()
    assert subject.quarantine.is_active
    assert subject.quarantine.admit() is Admission.NO
    assert subject.quarantine.seconds_left == 10.0


def test_failures_that_are_far_apart_do_not_count_together() -> None:
    subject = Subject()
    for _ in range(10):
        subject.fail()
        subject.clock.advance(15.1)
    assert not subject.quarantine.is_active


def test_a_few_failures_among_many_successes_do_not_count() -> None:
    subject = Subject()
    for _ in range(10):
        subject.fail()
        subject.succeed(3)
    assert not subject.quarantine.is_active


def test_failures_that_are_half_of_the_calls_count() -> None:
    subject = Subject()
    for _ in range(3):
        subject.fail()
        subject.succeed()
    assert subject.quarantine.is_active


def test_one_probe_is_let_through_after_the_pause() -> None:
    subject = Subject()
    subject.fail(3)
    subject.clock.advance(10.0)
    assert subject.quarantine.admit() is Admission.PROBE
    assert subject.quarantine.admit() is Admission.NO


def test_a_probe_that_succeeds_ends_the_quarantine_and_forgets_the_failures() -> None:
    subject = Subject()
    subject.fail(3)
    subject.clock.advance(10.0)
    assert subject.quarantine.succeeded(subject.quarantine.admit())
    assert subject.quarantine.admit() is Admission.YES
    subject.fail(2)
    assert not subject.quarantine.is_active


def test_each_probe_that_fails_doubles_the_pause_up_to_eight_times() -> None:
    subject = Subject()
    subject.fail(3)
    pauses = []
    for _ in range(5):
        subject.clock.advance(subject.quarantine.seconds_left)
        assert subject.quarantine.failed(subject.quarantine.admit())
        pauses.append(subject.quarantine.seconds_left)
    assert pauses == [20.0, 40.0, 80.0, 80.0, 80.0]


def test_calls_from_before_the_quarantine_neither_end_nor_lengthen_it() -> None:
    subject = Subject()
    early = subject.quarantine.admit()
    subject.fail(3)
    subject.clock.advance(4.0)
    assert not subject.quarantine.succeeded(early)
    assert not subject.quarantine.failed(early)
    assert subject.quarantine.seconds_left == 6.0


def test_without_a_limit_nothing_is_ever_refused() -> None:
    subject = Subject(failures=0)
    subject.fail(1000)
    assert subject.quarantine.admit() is Admission.YES


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=200))
def test_it_is_never_active_without_enough_failures_and_always_lets_a_probe_through_in_time(
    history: list[tuple[bool, float]],
) -> None:
    subject = Subject()
    failures = 0
    for failed, pause in history:
        admission = subject.quarantine.admit()
        if admission is not Admission.NO:
            failures += failed
            (subject.quarantine.failed if failed else subject.quarantine.succeeded)(admission)
        assert not subject.quarantine.is_active or failures >= 3
        subject.clock.advance(pause)
    subject.clock.advance(80.0)
    assert subject.quarantine.admit() is not Admission.NO
