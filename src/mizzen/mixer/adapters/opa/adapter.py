"""opa: decisions by Rego policies, of an Open Policy Agent server or of a compiled policy in the Mixer."""

from __future__ import annotations

from typing import Any, cast

from prometheus_client import CollectorRegistry, Counter

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.opa.answers import decision_of
from mizzen.mixer.adapters.opa.decider import Decider, OpaError
from mizzen.mixer.adapters.opa.params import OpaParams
from mizzen.mixer.adapters.opa.server import Server
from mizzen.mixer.adapters.results import AdapterError, CheckResult, Code, Status
from mizzen.mixer.adapters.texts import json_value
from mizzen.mixer.templates import Authorization, Instance, Values

_VALID_WITHOUT_DECISION = (1.0, 100)  # an OK that said nothing would be remembered for the Mixer's default of a minute
REFUSED = Status(Code.PERMISSION_DENIED, "opa: request was rejected")


class OpaAdapter(Adapter):
    """Asks for the rule `check_method`; what is no decision is counted, and answered as `fail_close` says."""

    name = "opa"
    templates = frozenset(["authorization"])
    Params = OpaParams
    blocking = True

    def __init__(self, params: OpaParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._method = params.check_method
        self._valid_for, self._uses = params.caching_interval / 1e9, params.caching_use_count
        self._without = CheckResult(REFUSED if params.fail_close else Status(), *_VALID_WITHOUT_DECISION)
        self._silent_until = 0.0
        self.registry = CollectorRegistry()
        self._failures = Counter(
            "mizzen_opa_failures",
            "Checks that OPA did not decide, by what was answered instead",
            ["handler", "answer"],
            registry=self.registry,
        ).labels(environment.handler, "refused" if params.fail_close else "allowed")
        self._decider = _decider(params, environment, self.registry)

    def check(self, instance: Instance) -> CheckResult:
        try:
            decision = decision_of(self._decider.decide(question_of(cast(Authorization, instance))))
        except OpaError as error:
            self._failures.inc()
            self._warn("opa did not decide", error)
            return self._without
        if decision.fault:
            self._warn("opa refused, and the answer it wants sent is left out", decision.fault)
        status = Status() if decision.allowed else REFUSED
        return CheckResult(status, self._valid_for, self._uses, decision.response)

    def close(self) -> None:
        self._decider.close()

    def _warn(self, event: str, reason: object) -> None:
        """At most once a second: every check may have reason to."""
        now = self.environment.monotonic()
        if now < self._silent_until:
            return
        self._silent_until = now + 1.0
        handler = self.environment.handler
        self.environment.logger.warning(event, handler=handler, rule=self._method, error=str(reason))


def _decider(params: OpaParams, environment: Environment, registry: CollectorRegistry) -> Decider:
    if not params.bundle:
        return Server(params, environment, registry)
    try:
        from mizzen.mixer.adapters.opa.compiled import CompiledPolicy
    except ImportError:
        raise AdapterError("opa needs the package wasmtime for a bundle: pip install 'mizzen[opa]'") from None
    return CompiledPolicy(params, environment, registry)


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
