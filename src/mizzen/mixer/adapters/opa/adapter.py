"""opa: decisions of an Open Policy Agent server."""

from __future__ import annotations

from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment, Task
from mizzen.mixer.adapters.opa.client import Client, OpaError, PolicyError
from mizzen.mixer.adapters.opa.params import OpaParams
from mizzen.mixer.adapters.results import AdapterError, CheckResult, Code, Status
from mizzen.mixer.adapters.texts import json_value
from mizzen.mixer.templates import Authorization, Instance, Values

_RETRY_S = 1.0


class OpaAdapter(Adapter):
    """Asks for the rule `check_method`; true allows, false refuses, anything else is a failure.

    Policies that do not compile keep the handler from being built. A server that is away when it is built, or that lost
    the policies, gets them in the background; until then `fail_close` decides.
    """

    name = "opa"
    templates = frozenset(["authorization"])
    Params = OpaParams
    blocking = True

    def __init__(self, params: OpaParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._params = params
        valid_for, uses = params.caching_interval / 1e9, params.caching_use_count
        self._allowed = CheckResult(valid_for=valid_for, uses=uses)
        self._refused = CheckResult(_refusal(), valid_for, uses)
        self._uncertain = CheckResult(_refusal()) if params.fail_close else CheckResult()
        self.registry = CollectorRegistry()
        self._failures = Counter(
            "mizzen_opa_failures",
            "Checks that OPA did not decide, by what was answered instead",
            ["handler", "answer"],
            registry=self.registry,
        ).labels(environment.handler, "refused" if params.fail_close else "allowed")
        self._client = Client(params.server_url, params.timeout / 1e9, params.bearer_token.get_secret_value())
        self._incomplete = bool(params.policy)
        self._task: Task | None = None
        if params.policy:
            self._put_first()
            self._task = environment.scheduler.every(_RETRY_S, self._put_again, name=f"{environment.handler} policies")

    def check(self, instance: Instance) -> CheckResult:
        question = question_of(cast(Authorization, instance))
        try:
            answer = self._client.decide(self._params.check_method, question)
        except OpaError as error:
            return self._failed(str(error))
        if answer is True:
            return self._allowed
        if answer is False:
            return self._refused
        if answer is None:
            self._incomplete = bool(self._params.policy)  # a server that was started again has lost them
            return self._failed(f"{self._params.check_method} is undefined")
        return self._failed(f"{self._params.check_method} is not true or false")

    def close(self) -> None:
        if self._task:
            self._task.cancel()
        self._client.close()

    def _failed(self, reason: str) -> CheckResult:
        self._failures.inc()
        self.environment.logger.warning("opa did not decide", handler=self.environment.handler, error=reason)
        return self._uncertain

    def _put_first(self) -> None:
        try:
            self._put()
        except PolicyError as error:
            self._client.close()
            raise AdapterError(f"opa: policy is not valid: {error}") from error
        except OpaError as error:
            self.environment.logger.warning(
                "opa has no policies yet", handler=self.environment.handler, error=str(error)
            )

    def _put_again(self) -> None:
        if self._incomplete:
            self._put()

    def _put(self) -> None:
        for index, module in enumerate(self._params.policy):
            self._client.put_policy(f"mizzen/{self.environment.handler}/{index}", module)
        self._incomplete = False


def question_of(instance: Authorization) -> dict[str, Any]:
    """OPA's input: what is empty is left out, and `groups` is a list."""
    action, subject = instance.action, instance.subject
    return {
        "action": _filled(
            namespace=action.namespace,
            service=action.service,
            method=action.method,
            path=action.path,
            properties=_json_values(action.properties),
        ),
        "subject": _filled(
            user=subject.user,
            groups=[subject.groups] if subject.groups else [],
            properties=_json_values(subject.properties),
        ),
    }


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _json_values(values: Values) -> dict[str, Any]:
    return {name: json_value(value) for name, value in values.items()}


def _refusal() -> Status:
    return Status(Code.PERMISSION_DENIED, "opa: request was rejected")
