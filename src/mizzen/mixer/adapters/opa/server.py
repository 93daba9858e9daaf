"""Decisions of an OPA server, and the handler's modules on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from mizzen.mixer.adapters.client_tls import tls_context
from mizzen.mixer.adapters.environment import Environment, Task
from mizzen.mixer.adapters.opa.client import Client, PolicyError
from mizzen.mixer.adapters.opa.decider import OpaError, UndefinedError
from mizzen.mixer.adapters.opa.modules import put_modules
from mizzen.mixer.adapters.opa.params import OpaParams
from mizzen.mixer.adapters.opa.rule_path import rule_path
from mizzen.mixer.adapters.results import AdapterError

_TICK_S = 1.0
_TICKS_PER_LOOK = 5


class Server:
    """Modules that do not compile keep it from being built. A server that is away then, or that lost them since, gets
    them in the background."""

    def __init__(self, params: OpaParams, environment: Environment, registry: CollectorRegistry) -> None:
        tls = tls_context(params.tls) if params.server_url.startswith("https:") else None
        token = params.bearer_token.get_secret_value()
        self._client = Client(params.server_url, params.timeout / 1e9, token, tls, params.tls.server_name)
        self._path = rule_path(params.check_method)
        self._modules = params.policy
        self._prefix = f"mizzen/{environment.handler}/"
        self._log = environment.logger.bind(handler=environment.handler, server=params.server_url)
        self._doubtful = False
        self._ticks = 0
        self._fault = ""
        self._task: Task | None = None
        if self._modules:
            self._in_place = Gauge(
                "mizzen_opa_policies_in_place",
                "Whether the server has the handler's policies",
                ["handler"],
                registry=registry,
            ).labels(environment.handler)
            self._put_first()
            self._task = environment.scheduler.every(_TICK_S, self._tick, name=f"{environment.handler} policies")

    def decide(self, question: Mapping[str, Any]) -> object:
        try:
            return self._client.decide(self._path, question)
        except UndefinedError:
            self._doubtful = True  # a server that was started again has lost the modules
            raise

    def close(self) -> None:
        if self._task:
            self._task.cancel()
        self._client.close()

    def _put_first(self) -> None:
        try:
            self._put()
        except PolicyError as error:
            self._client.close()
            raise AdapterError(f"opa: policy is not valid: {error}") from error
        except OpaError as error:
            self._without_modules(error)

    def _tick(self) -> None:
        self._ticks = (self._ticks + 1) % _TICKS_PER_LOOK
        if self._ticks and not self._doubtful:
            return
        try:
            self._put()
        except OpaError as error:
            self._without_modules(error)

    def _put(self) -> None:
        if put_modules(self._client, self._prefix, self._modules):
            self._log.info("opa has the policies of the handler")
        self._doubtful = False
        self._fault = ""
        self._in_place.set(1)

    def _without_modules(self, error: OpaError) -> None:
        self._doubtful = True
        self._in_place.set(0)
        if str(error) != self._fault:
            self._fault = str(error)
            self._log.warning("opa may lack the policies of the handler", error=self._fault)
