from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from mizzen.mixer.adapters import CheckResult, PartialReportError
from mizzen.mixer.calling import HandlerError, QuarantinedError

from .stage import Stage

PATIENCE = 5.0
Build = Callable[..., Stage]


@pytest.fixture
def build() -> Iterator[Build]:
    stages: list[Stage] = []

    def make(*arguments: Any, **options: Any) -> Stage:
        stages.append(Stage(*arguments, **options))
        return stages[-1]

    yield make
    for stage in stages:
        stage.caller.close()


def failing(_: Any) -> CheckResult:
    raise ValueError("broken")


def test_a_plain_method_answers_at_once_on_the_thread_of_the_call(build: Build) -> None:
    threads: list[int] = []

    def check(_: Any) -> CheckResult:
        threads.append(threading.get_ident())
        return CheckResult(uses=3)

    stage = build(check)
    assert stage.call() == CheckResult(uses=3)
    assert threads == [threading.get_ident()]
    assert not stage.caller.may_wait


def test_an_exception_names_the_handler_and_is_counted(build: Build) -> None:
    stage = build(failing)
    with pytest.raises(HandlerError, match=r"h\.ns: broken"):
        stage.call()
    assert stage.failures("error") == 1
    labels = {"mesh_function": "checknothing", "handler": "h.ns", "adapter": "custom", "error": "true"}
    assert stage.count("runtime_dispatches_total", **labels) == 1


def test_an_exception_without_text_is_told_by_its_kind(build: Build) -> None:
    def check(_: Any) -> CheckResult:
        raise KeyError

    with pytest.raises(HandlerError, match=r"h\.ns: KeyError"):
        build(check).call()


def test_an_answer_of_the_wrong_kind_is_an_error(build: Build) -> None:
    with pytest.raises(HandlerError, match="answered with str, not CheckResult"):
        build(lambda _: "yes").call()


@pytest.mark.parametrize("blocking", [False, True])
def test_an_adapter_that_leaves_the_process_only_fails_its_call(build: Build, blocking: bool) -> None:
    def check(_: Any) -> CheckResult:
        raise SystemExit("bye")

    stage = build(check, blocking=blocking)
    with pytest.raises(HandlerError, match="bye"):
        finished(stage.call())


def finished(answer: Any) -> Any:
    return answer.result(PATIENCE)


def test_an_asynchronous_method_runs_on_the_loop_of_the_handler(build: Build) -> None:
    threads: set[str] = set()

    async def check(_: Any) -> CheckResult:
        await asyncio.sleep(0)
        threads.add(threading.current_thread().name)
        return CheckResult(uses=3)

    stage = build(check)
    assert [finished(stage.call()).uses, finished(stage.call()).uses] == [3, 3]
    assert threads == {"adapter h.ns loop"}
    assert stage.caller.may_wait


@pytest.mark.parametrize("blocking", [False, True])
def test_a_plain_method_may_answer_with_something_to_wait_for(build: Build, blocking: bool) -> None:
    async def later() -> CheckResult:
        return CheckResult(uses=4)

    assert finished(build(lambda _: later(), blocking=blocking).call()).uses == 4


def test_an_asynchronous_method_that_leaves_the_process_does_not_end_the_loop(build: Build) -> None:
    async def check(_: Any) -> CheckResult:
        raise SystemExit("bye")

    stage = build(check)
    for _ in range(2):
        with pytest.raises(HandlerError, match="bye"):
            finished(stage.call())


def test_a_blocking_method_is_given_up_when_its_time_is_up(build: Build) -> None:
    release, entered = threading.Event(), threading.Event()

    def check(_: Any) -> CheckResult:
        entered.set()
        release.wait(PATIENCE)
        return CheckResult()

    stage = build(check, blocking=True, calls={"timeout": "2s"})
    answer = stage.call()
    assert entered.wait(PATIENCE)
    stage.clock.advance(1.9)
    stage.timers.run_due()
    assert not answer.done()
    stage.clock.advance(0.2)
    stage.timers.run_due()
    release.set()
    with pytest.raises(HandlerError, match=r"h\.ns: no answer within 2 s"):
        finished(answer)
    assert stage.failures("timeout") == 1


def test_an_asynchronous_method_is_cancelled_when_its_time_is_up(build: Build) -> None:
    entered, cancelled = threading.Event(), threading.Event()

    async def check(_: Any) -> CheckResult:
        try:
            entered.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return CheckResult()

    stage = build(check)
    answer = stage.call()
    assert entered.wait(PATIENCE)
    stage.clock.advance(5.0)
    stage.timers.run_due()
    with pytest.raises(HandlerError, match="no answer within 5 s"):
        finished(answer)
    assert cancelled.wait(PATIENCE)


def test_a_plain_method_may_answer_with_a_future_of_its_own(build: Build) -> None:
    pending: Future[CheckResult] = Future()
    stage = build(lambda _: pending)
    answer = stage.call()
    assert not answer.done()
    pending.set_result(CheckResult(uses=3))
    assert finished(answer) == CheckResult(uses=3)


def test_what_such_a_future_raises_or_lacks_is_an_error(build: Build) -> None:
    broken, cancelled, wrong = Future[Any](), Future[Any](), Future[Any]()
    futures = iter((broken, cancelled, wrong))
    stage = build(lambda _: next(futures))
    answers = [stage.call() for _ in range(3)]
    broken.set_exception(ValueError("broken"))
    cancelled.cancel()
    wrong.set_result(7)
    for answer, text in zip(answers, ("broken", "CancelledError", "answered with int, not CheckResult"), strict=True):
        with pytest.raises(HandlerError, match=rf"^h\.ns: {text}"):
            finished(answer)
    assert stage.failures("error") == 3


def test_such_a_future_is_cancelled_when_its_time_is_up_or_too_many_are_open(build: Build) -> None:
    first, second = Future[CheckResult](), Future[CheckResult]()
    futures = iter((first, second))
    stage = build(lambda _: next(futures), calls={"open": 1})
    late, refused = stage.call(), stage.call()
    with pytest.raises(HandlerError, match="1 calls are open"):
        finished(refused)
    stage.clock.advance(5.0)
    stage.timers.run_due()
    with pytest.raises(HandlerError, match="no answer within 5 s"):
        finished(late)
    assert first.cancelled()
    assert second.cancelled()


def test_a_call_that_gets_no_thread_in_time_is_never_made(build: Build) -> None:
    release, entered = threading.Event(), threading.Event()
    made: list[int] = []

    def check(_: Any) -> CheckResult:
        made.append(1)
        entered.set()
        release.wait(PATIENCE)
        return CheckResult()

    stage = build(check, blocking=True, calls={"threads": 1})
    answers = [stage.call(), stage.call()]
    assert entered.wait(PATIENCE)
    stage.clock.advance(5.0)
    stage.timers.run_due()
    for answer in answers:
        with pytest.raises(HandlerError, match="no answer"):
            finished(answer)
    release.set()
    after = threading.Event()
    stage.caller._threads.submit(after.set)
    assert after.wait(PATIENCE)
    assert made == [1]


def test_further_calls_fail_at_once_when_too_many_are_open(build: Build) -> None:
    release = threading.Event()

    def check(_: Any) -> CheckResult:
        release.wait(PATIENCE)
        return CheckResult()

    stage = build(check, blocking=True, calls={"open": 2, "threads": 1})
    answers = [stage.call() for _ in range(3)]
    with pytest.raises(HandlerError, match=r"h\.ns: 2 calls are open"):
        answers[2].result(0)
    assert stage.failures("busy") == 1
    release.set()
    assert [finished(answer) for answer in answers[:2]] == [CheckResult(), CheckResult()]


def test_a_handler_that_keeps_failing_is_not_called_any_more(build: Build) -> None:
    calls: list[int] = []

    def check(_: Any) -> CheckResult:
        calls.append(1)
        raise ValueError("broken")

    stage = build(check)
    for _ in range(5):
        with pytest.raises(HandlerError, match="broken"):
            stage.call()
    with pytest.raises(QuarantinedError, match=r"h\.ns: is in quarantine, after: broken"):
        stage.call()
    assert len(calls) == 5
    assert stage.count("handler_quarantined", handler="h.ns") == 1
    assert stage.count("handler_quarantines_total", handler="h.ns") == 1
    assert stage.failures("quarantined") == 1


def test_a_probe_that_succeeds_ends_the_quarantine(build: Build) -> None:
    answers: list[Callable[[Any], CheckResult]] = [failing] * 5 + [lambda _: CheckResult()] * 2
    stage = build(lambda instance: answers.pop(0)(instance))
    for _ in range(5):
        with pytest.raises(HandlerError):
            stage.call()
    stage.clock.advance(10.0)
    assert stage.call() == CheckResult()
    assert stage.count("handler_quarantined", handler="h.ns") == 0
    assert stage.call() == CheckResult()


def test_timeouts_lead_to_quarantine_too(build: Build) -> None:
    release = threading.Event()
    stage = build(lambda _: release.wait(PATIENCE), blocking=True, quarantine={"failures": 2})
    answers = [stage.call(), stage.call()]
    stage.clock.advance(5.0)
    stage.timers.run_due()
    for answer in answers:
        with pytest.raises(HandlerError, match="no answer"):
            finished(answer)
    with pytest.raises(QuarantinedError, match="after: no answer within 5 s"):
        stage.call()
    release.set()


def test_a_plain_method_that_is_too_slow_counts_as_failing(build: Build) -> None:
    stages: list[Stage] = []

    def check(_: Any) -> CheckResult:
        stages[0].clock.advance(6.0)
        return CheckResult()

    stage = build(check, quarantine={"failures": 2})
    stages.append(stage)
    assert [stage.call(), stage.call()] == [CheckResult(), CheckResult()]
    with pytest.raises(QuarantinedError, match="took 6 s, longer than 5 s"):
        stage.call()
    assert stage.failures("slow") == 2


def test_reports_that_were_taken_in_part_do_not_lead_to_quarantine(build: Build) -> None:
    def check(_: Any) -> CheckResult:
        raise PartialReportError("one is bad")

    stage = build(check, quarantine={"failures": 1})
    for _ in range(3):
        with pytest.raises(HandlerError, match="one is bad"):
            stage.call()
    assert stage.failures("partial") == 3


def test_an_asynchronous_close_is_waited_for(build: Build) -> None:
    threads: list[str] = []

    async def close() -> None:
        await asyncio.sleep(0)
        threads.append(threading.current_thread().name)

    stage = build(lambda _: CheckResult(), close=close)
    stage.caller.close()
    assert threads == ["adapter h.ns loop"]
    assert stage.count("handler_closed_handlers_total") == 1


def test_a_close_that_fails_is_counted(build: Build) -> None:
    stage = build(lambda _: CheckResult(), close=lambda: 1 / 0)
    stage.caller.close()
    assert stage.count("handler_close_failures_total") == 1


def test_a_call_after_the_close_fails(build: Build) -> None:
    stage = build(lambda _: CheckResult(), blocking=True)
    stage.caller.close()
    with pytest.raises(HandlerError, match="is closed"):
        stage.call().result(0)
