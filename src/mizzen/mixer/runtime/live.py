"""Handlers: adapters built with parameters, isolated from the calls that use them.

A handler is reused as long as its adapter, its parameters and the types of the instances sent to it are the same. One
that cannot be built leaves its predecessor in force, so that a mistake never switches a policy off.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from mizzen.config.errors import ConfigError
from mizzen.mixer.adapters import Adapter, CheckResult, Environment, QuotaArguments, QuotaResult
from mizzen.mixer.expr import Value
from mizzen.mixer.runtime.configured import HandlerConfig, problem_error
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.templates import Instance, InstanceTypes

ADAPTER_TIMEOUT_SECONDS = 5.0
_POOL_THREADS = 16

Result = TypeVar("Result")


class HandlerError(Exception):
    """An adapter raised, timed out or answered with something else than a result; the text names the handler."""


@dataclass(frozen=True)
class HandlerSpec:
    """What a handler is made from: equal specs make interchangeable handlers."""

    config: HandlerConfig
    instances: Mapping[str, InstanceTypes]

    def makes_the_same(self, other: HandlerSpec) -> bool:
        return (
            self.config.adapter is other.config.adapter
            and self.config.params == other.config.params
            and self.instances == other.instances
        )


class LiveHandler:
    """One handler in use. Its methods turn whatever the adapter raises into `HandlerError` and count every call."""

    def __init__(self, spec: HandlerSpec, adapter: Adapter, metrics: RuntimeMetrics) -> None:
        self.spec = spec
        self.name = spec.config.name
        self.adapter = adapter
        self.may_wait = adapter.blocking or any(
            inspect.iscoroutinefunction(getattr(adapter, method)) for method in ("check", "quota", "report", "generate")
        )
        self._metrics = metrics

    def check(self, instance: Instance) -> CheckResult:
        return self._call(instance.template, CheckResult, self.adapter.check, instance)

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        return self._call(instance.template, QuotaResult, self.adapter.quota, instance, arguments)

    def report(self, instances: Sequence[Instance]) -> None:
        self._call(instances[0].template, type(None), self.adapter.report, instances)

    def generate(self, instance: Instance) -> Mapping[str, Value]:
        return self._call(instance.template, Mapping, self.adapter.generate, instance)  # type: ignore[type-abstract]

    def close(self) -> None:
        try:
            self.adapter.close()
        except Exception:
            self._metrics.handler_close_failures.inc()
            structlog.get_logger().exception("handler failed to close", handler=self.name)
        self._metrics.handlers_closed.inc()

    def _call(self, template: str, wanted: type[Result], method: Callable[..., Any], *arguments: object) -> Result:
        start = time.perf_counter()
        failed = True
        try:
            answer = _pool().submit(method, *arguments) if self.adapter.blocking else method(*arguments)
            if self.adapter.blocking:
                answer = answer.result(ADAPTER_TIMEOUT_SECONDS)
            if inspect.iscoroutine(answer):
                answer = _run(answer)
            if not isinstance(answer, wanted):
                raise HandlerError(f"{self.name}: answered with {type(answer).__name__}, not {wanted.__name__}")
            failed = False
            return answer
        except HandlerError:
            raise
        except TimeoutError as error:
            raise HandlerError(f"{self.name}: no answer within {ADAPTER_TIMEOUT_SECONDS:g} s") from error
        except Exception as error:
            text = str(error) or type(error).__name__
            raise HandlerError(f"{self.name}: {text}") from error
        finally:
            duration = time.perf_counter() - start
            self._metrics.dispatched(template, self.name, self.adapter.name, failed, duration)


@dataclass
class HandlerTable:
    """The handlers of a snapshot by canonical name, and what became of those before it."""

    handlers: dict[str, LiveHandler] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    built: int = 0
    reused: int = 0


def build_handlers(
    specs: Mapping[str, HandlerSpec], previous: Mapping[str, LiveHandler], metrics: RuntimeMetrics
) -> HandlerTable:
    """A handler for each spec: the previous one where it would be the same, a new one, or the last good one."""
    table = HandlerTable()
    for key in sorted(specs):
        spec, before = specs[key], previous.get(key)
        if before is not None and before.spec.makes_the_same(spec):
            table.handlers[key] = before
            table.reused += 1
            continue
        adapter, errors = _build(spec, before)
        table.errors += errors
        if adapter is not None:
            table.handlers[key] = LiveHandler(spec, adapter, metrics)
            table.built += 1
        elif before is not None and _serves(before, spec):
            table.handlers[key] = before
            table.kept.add(key)
    return table


def _serves(before: LiveHandler, spec: HandlerSpec) -> bool:
    """Whether the last good handler can take the instances: not when the name now means another adapter."""
    return {types.template for types in spec.instances.values()} <= before.adapter.templates


def problems_of(spec: HandlerSpec) -> list[ConfigError]:
    """What the adapter finds wrong with its parameters, given the instances it gets."""
    config = spec.config
    try:
        problems = config.adapter.validate(config.params, spec.instances)
    except Exception as error:  # an adapter's own code: it could not even look at its parameters
        reason = f"cannot be validated: {str(error) or type(error).__name__}"
        return [config.resource.error(config.params_path, reason)]
    return [problem_error(config.resource, config.params_path, problem) for problem in problems]


def _build(spec: HandlerSpec, before: LiveHandler | None) -> tuple[Adapter | None, list[ConfigError]]:
    config = spec.config
    errors = problems_of(spec)
    if errors:
        return None, errors
    try:
        environment = Environment(
            handler=config.name,
            instances=spec.instances,
            logger=structlog.get_logger().bind(handler=config.name),
            predecessor=before.adapter if before is not None and type(before.adapter) is config.adapter else None,
        )
        return config.adapter(config.params, environment), []
    except Exception as error:  # an adapter's own code: whatever it raises is a handler that cannot be built
        reason = f"handler cannot be built: {str(error) or type(error).__name__}"
        return None, [config.resource.error(config.params_path, reason)]


_shared = threading.Lock()
_threads: ThreadPoolExecutor | None = None
_loop: asyncio.AbstractEventLoop | None = None


def _pool() -> ThreadPoolExecutor:
    """The threads for adapters that block, made when the first one is called."""
    global _threads
    with _shared:
        if _threads is None:
            _threads = ThreadPoolExecutor(_POOL_THREADS, "adapter")
        return _threads


def _run(answer: Coroutine[Any, Any, Any]) -> Any:
    """Waits for an asynchronous answer, which runs on a loop of its own thread."""
    global _loop
    with _shared:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="adapter-loop", daemon=True).start()
    future = asyncio.run_coroutine_threadsafe(answer, _loop)
    try:
        return future.result(ADAPTER_TIMEOUT_SECONDS)
    except TimeoutError:
        future.cancel()
        raise
