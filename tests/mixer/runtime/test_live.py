from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mizzen.config import Resource
from mizzen.mixer.adapters import Adapter, CheckResult, Environment, NoParams
from mizzen.mixer.runtime import live
from mizzen.mixer.runtime.configured import HandlerConfig
from mizzen.mixer.runtime.live import HandlerError, HandlerSpec, LiveHandler
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.templates import CheckNothing

INSTANCE = CheckNothing("n.checknothing.ns")


def handler(check: Callable[[Any], Any], *, blocking: bool = False) -> LiveHandler:
    class Custom(Adapter):
        name = "custom"
        templates = frozenset(["checknothing"])

    setattr(Custom, "check", lambda self, instance: check(instance))  # noqa: B010 - each test has its own method
    Custom.blocking = blocking
    config = HandlerConfig(Resource("custom", "h", "ns", {}), "h.custom.ns", Custom, NoParams(), ("spec",))
    return LiveHandler(HandlerSpec(config, {}), Custom(NoParams(), Environment("h")), RuntimeMetrics())


def test_an_exception_of_an_adapter_becomes_a_handler_error() -> None:
    with pytest.raises(HandlerError, match=r"h\.custom\.ns: ZeroDivisionError|h\.custom\.ns: division by zero"):
        handler(lambda _: 1 / 0).check(INSTANCE)


def test_an_exception_without_text_is_told_by_its_kind() -> None:
    def fail(_: Any) -> None:
        raise KeyError

    with pytest.raises(HandlerError, match=r"h\.custom\.ns: KeyError"):
        handler(fail).check(INSTANCE)


def test_an_asynchronous_answer_is_waited_for() -> None:
    async def answer(_: Any) -> CheckResult:
        await asyncio.sleep(0)
        return CheckResult(uses=3)

    assert handler(answer).check(INSTANCE).uses == 3


def test_an_asynchronous_answer_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ADAPTER_TIMEOUT_SECONDS", 0.01)
    ended = threading.Event()

    async def answer(_: Any) -> CheckResult:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return CheckResult()

    with pytest.raises(HandlerError, match=r"no answer within 0\.01 s"):
        handler(answer).check(INSTANCE)
    assert ended.wait(5)


def test_a_blocking_adapter_runs_on_another_thread_and_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    release = threading.Event()

    def answer(_: Any) -> CheckResult:
        threads.append(threading.get_ident())
        release.wait(5)
        return CheckResult()

    monkeypatch.setattr(live, "ADAPTER_TIMEOUT_SECONDS", 0.01)
    with pytest.raises(HandlerError, match="no answer"):
        handler(answer, blocking=True).check(INSTANCE)
    release.set()
    assert threads
    assert threads[0] != threading.get_ident()


def test_a_handler_knows_whether_calls_may_have_to_wait() -> None:
    assert not handler(lambda _: CheckResult()).may_wait
    assert handler(lambda _: CheckResult(), blocking=True).may_wait


def test_a_handler_that_fails_while_closing_is_counted() -> None:
    found = handler(lambda _: CheckResult())
    found.adapter.close = lambda: 1 / 0  # type: ignore[method-assign, assignment]
    metrics = RuntimeMetrics()
    found._metrics = metrics
    found.close()
    assert metrics.registry.get_sample_value("mizzen_mixer_handler_close_failures_total") == 1
