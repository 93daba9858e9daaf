"""rbac: role based access control with Istio's ServiceRole and ServiceRoleBinding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import unquote, urlsplit

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import AfterValidator, Field

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.rbac.folder import PolicyFolder
from mizzen.mixer.adapters.results import AdapterError, CheckResult, Code, Status
from mizzen.mixer.templates import Authorization, Instance

_LOOK_S = 1.0
_MANY = 1_000_000_000


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "fs" or parts.netloc or len(parts.path) < 2:
        raise invalid("is not the URL of a folder", "fs:///absolute/path of a folder with roles and bindings")
    return url


class RbacParams(SpecModel):
    """Roles and bindings are read from the folder and followed, within a second."""

    config_store_url: Annotated[str, AfterValidator(_check_url)]
    cache_duration: DurationNs = Field(default=60_000_000_000, ge=0)


class RbacAdapter(Adapter, Collector):
    """Allows what a role of the action's namespace permits and a binding gives to the subject; refuses the rest."""

    name = "rbac"
    templates = frozenset(["authorization"])
    Params = RbacParams

    def __init__(self, params: RbacParams, environment: Environment) -> None:
        super().__init__(params, environment)
        path = Path(unquote(urlsplit(params.config_store_url).path))
        self._folder = PolicyFolder(path)
        try:
            self._folder.load()
        except OSError as error:
            raise AdapterError(f"cannot read {path}: {error.strerror or error}") from error
        self._tell()
        self._valid_for = params.cache_duration / 1e9
        self._allowed = CheckResult(valid_for=self._valid_for, uses=_MANY)
        self._refused = self._answer(Code.PERMISSION_DENIED, "RBAC: permission denied.")
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._task = environment.scheduler.every(_LOOK_S, self._follow, name=f"{environment.handler} roles")

    def check(self, instance: Instance) -> CheckResult:
        asked = cast(Authorization, instance)
        action = asked.action
        if not (action.namespace and action.service and action.path and action.method):
            reason = "RBAC: the action needs namespace, service, path and method."
            return self._answer(Code.INVALID_ARGUMENT, reason)
        return self._allowed if self._folder.policies.allow(asked.subject, action) else self._refused

    def collect(self) -> Iterator[prometheus_client.Metric]:
        family = GaugeMetricFamily("mizzen_rbac_config_errors", "Faults of roles and bindings", labels=["handler"])
        family.add_metric([self.environment.handler], len(self._folder.errors))
        yield family

    def close(self) -> None:
        self._task.cancel()

    def _answer(self, code: Code, message: str) -> CheckResult:
        return CheckResult(Status(code, message), self._valid_for, _MANY)

    def _follow(self) -> None:
        """A folder that went away leaves the last roles in force; the exception is logged by the scheduler."""
        if self._folder.load():
            self._tell()

    def _tell(self) -> None:
        for error in self._folder.errors:
            self.environment.logger.warning("role not in force", handler=self.environment.handler, error=str(error))
