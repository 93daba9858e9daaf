"""rbac: role based access control with Istio's ServiceRole and ServiceRoleBinding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Protocol, cast

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import AfterValidator, Field

from mizzen.config import ConfigError, DurationNs, SpecModel
from mizzen.config.store_url import StoreUrl, parse_store_url
from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.rbac.folder import FolderSource
from mizzen.mixer.adapters.rbac.state import PolicyState
from mizzen.mixer.adapters.results import AdapterError, CheckResult, Code, Status
from mizzen.mixer.templates import Authorization, Instance

_MANY = 1_000_000_000
_SECOND_NS = 1_000_000_000
_UNKNOWN = CheckResult(Status(Code.UNAVAILABLE, "RBAC: the roles are not known yet."))


def _check_url(url: str) -> str:
    parse_store_url(url)
    return url


class RbacParams(SpecModel):
    """`config_store_url` is a folder (`fs:///path`) or the custom resources of a Kubernetes (`k8s://`, in the cluster;
    `k8s:///path` of a kubeconfig); both are followed. `sync_timeout` is how long building waits for Kubernetes."""

    config_store_url: Annotated[str, AfterValidator(_check_url)] = "k8s://"
    cache_duration: DurationNs = Field(default=60 * _SECOND_NS, ge=0)
    sync_timeout: DurationNs = Field(default=10 * _SECOND_NS, ge=0, le=25 * _SECOND_NS)


class PolicySource(Protocol):
    """Keeps `state` equal to what a store holds. `known` turns true once the store was read."""

    state: PolicyState

    @property
    def known(self) -> bool: ...

    def close(self) -> None:
        """The store is followed no more."""


class RbacAdapter(Adapter, Collector):
    """Allows what a role of the action's namespace permits and a binding gives to the subject; refuses the rest."""

    name = "rbac"
    templates = frozenset(["authorization"])
    Params = RbacParams

    def __init__(self, params: RbacParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._valid_for = params.cache_duration / 1e9
        self._allowed = CheckResult(valid_for=self._valid_for, uses=_MANY)
        self._refused = self._answer(Code.PERMISSION_DENIED, "RBAC: permission denied.")
        registry = CollectorRegistry()
        url = parse_store_url(params.config_store_url)
        self._source = self._open(url, registry, params.sync_timeout / 1e9)
        self.registry = registry
        registry.register(self)

    def check(self, instance: Instance) -> CheckResult:
        asked = cast(Authorization, instance)
        action = asked.action
        if not (action.namespace and action.service and action.path and action.method):
            reason = "RBAC: the action needs namespace, service, path and method."
            return self._answer(Code.INVALID_ARGUMENT, reason)
        if not self._source.known:
            return _UNKNOWN
        return self._allowed if self._source.state.policies.allow(asked.subject, action) else self._refused

    def collect(self) -> Iterator[prometheus_client.Metric]:
        family = GaugeMetricFamily("mizzen_rbac_config_errors", "Faults of roles and bindings", labels=["handler"])
        family.add_metric([self.environment.handler], len(self._source.state.errors))
        yield family

    def close(self) -> None:
        self._source.close()

    def _open(self, url: StoreUrl, registry: CollectorRegistry, sync_timeout: float) -> PolicySource:
        if url.folder:
            return FolderSource(url.folder, self.environment, self._tell)
        try:
            from mizzen.mixer.adapters.rbac.cluster import ClusterSource
        except ImportError:
            raise AdapterError(
                "rbac needs the package kubernetes-asyncio for k8s://: pip install 'mizzen[kubernetes]'"
            ) from None
        return ClusterSource(url, self.environment, self._tell, registry, sync_timeout)

    def _answer(self, code: Code, message: str) -> CheckResult:
        return CheckResult(Status(code, message), self._valid_for, _MANY)

    def _tell(self, error: ConfigError) -> None:
        self.environment.logger.warning("role not in force", handler=self.environment.handler, error=str(error))
