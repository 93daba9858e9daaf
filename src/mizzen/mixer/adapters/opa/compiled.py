"""Decisions by a compiled policy in the Mixer; the file of the bundle is followed."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.opa.bundle import BundleError, read_bundle
from mizzen.mixer.adapters.opa.decider import OpaError, UndefinedError
from mizzen.mixer.adapters.opa.host_functions import host_functions
from mizzen.mixer.adapters.opa.params import OpaParams
from mizzen.mixer.adapters.opa.rule_path import rule_path
from mizzen.mixer.adapters.opa.wasm import CompiledModule, Evaluator
from mizzen.mixer.adapters.results import AdapterError

_LOOK_S = 1.0
_SHORTEST_TICK_S = 0.01


class EvaluatorPool:
    """As many evaluators of one module as threads need at the same time."""

    def __init__(self, module: CompiledModule, entry_point: str) -> None:
        """Raises `BundleError` if the module cannot be used."""
        self._module = module
        self._entry_point = entry_point
        self._idle = [module.evaluator(entry_point)]
        self._closed = False
        self._lock = threading.Lock()

    def evaluate(self, question: Mapping[str, Any]) -> object:
        evaluator = self._take()
        reusable = False
        try:
            value = evaluator.evaluate(question)
            reusable = True
        except UndefinedError:
            reusable = True
            raise
        finally:
            self._put_back(evaluator, reusable)
        return value

    def tick(self) -> None:
        self._module.tick()

    def close(self) -> None:
        """Evaluations that are under way come to their end."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for evaluator in idle:
            evaluator.close()

    def _take(self) -> Evaluator:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            return self._module.evaluator(self._entry_point)
        except BundleError as error:
            raise OpaError(str(error)) from None

    def _put_back(self, evaluator: Evaluator, reusable: bool) -> None:
        with self._lock:
            if reusable and not self._closed:
                self._idle.append(evaluator)
                return
        evaluator.close()


class CompiledPolicy:
    """A changed file is in force within a second or two; one that cannot be used is counted and told once, and the
    last good one stays."""

    def __init__(self, params: OpaParams, environment: Environment, registry: CollectorRegistry) -> None:
        self._file = Path(params.bundle)
        self._entry_point = "/".join(rule_path(params.check_method))
        self._functions = host_functions(environment.now)
        self._log = environment.logger.bind(handler=environment.handler, bundle=params.bundle)
        loads = Counter(
            "mizzen_opa_bundle_loads", "Bundles that were read, by outcome", ["handler", "outcome"], registry=registry
        )
        self._loaded, self._failed = (loads.labels(environment.handler, outcome) for outcome in ("loaded", "failed"))
        self._tick_s = max(params.timeout / 1e9 / 10, _SHORTEST_TICK_S)
        self._ticks = math.ceil(params.timeout / 1e9 / self._tick_s)
        self._mark = self._stat()
        try:
            self._pool = self._load()
        except (OSError, BundleError) as error:
            raise AdapterError(f"opa: {_told(params.bundle, error)}") from None
        every = environment.scheduler.every
        self._tasks = [
            every(_LOOK_S, self.look, name=f"{environment.handler} bundle"),
            every(self._tick_s, self._tick, name=f"{environment.handler} clock"),
        ]

    def decide(self, question: Mapping[str, Any]) -> object:
        return self._pool.evaluate(question)

    def look(self) -> None:
        """Takes over the file if it changed."""
        mark = self._stat()
        if mark == self._mark:
            return
        self._mark = mark
        try:
            before, self._pool = self._pool, self._load()
        except (OSError, BundleError) as error:
            self._failed.inc()
            self._log.warning("opa keeps its bundle", error=_told(str(self._file), error))
        else:
            before.close()
            self._log.info("opa has a new bundle")

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._pool.close()

    def _stat(self) -> object:
        """What differs when the file changes."""
        try:
            stat = self._file.stat()
        except OSError as error:
            return str(error)
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _load(self) -> EvaluatorPool:
        bundle = read_bundle(self._file.read_bytes(), self._entry_point)
        pool = EvaluatorPool(CompiledModule(bundle, self._functions, self._ticks), self._entry_point)
        self._loaded.inc()
        return pool

    def _tick(self) -> None:
        self._pool.tick()


def _told(file: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"bundle {file} cannot be read: {error.strerror or error}"
    return f"bundle {file} {error}"
