"""Roles and bindings from the custom resources of a Kubernetes."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from mizzen.config import ConfigError
from mizzen.config.store_url import StoreUrl
from mizzen.kubernetes.api import ClusterConfigError
from mizzen.kubernetes.progress import WatchMetrics
from mizzen.kubernetes.resources import LABELS, Group, ResourceWatch
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.rbac.state import PolicyState
from mizzen.mixer.adapters.results import AdapterError

_GROUP = Group(
    "rbac.istio.io/v1alpha1",
    {"ServiceRole": "serviceroles", "ServiceRoleBinding": "servicerolebindings"},
    "deploy/kubernetes/rbac-resources.yaml",
)


class ClusterSource:
    """Watches both resources on a thread of its own. See `PolicySource`.

    Building waits until each was listed or failed to be, at most `sync_timeout` seconds.
    """

    def __init__(
        self,
        url: StoreUrl,
        environment: Environment,
        tell: Callable[[ConfigError], None],
        registry: CollectorRegistry,
        sync_timeout: float,
    ) -> None:
        """Raises `AdapterError` when there is no usable configuration of the cluster."""
        self.state = PolicyState(tell)
        labels, logger = {"handler": environment.handler}, environment.logger
        metrics = WatchMetrics("mizzen_rbac", ["handler", *LABELS], registry)
        try:
            self._watch = ResourceWatch(_GROUP, url, self.state.take, metrics, labels, logger, sync_timeout)
        except ClusterConfigError as error:
            raise AdapterError(f"rbac: {error}") from error
        if not self.known:
            logger.warning("roles are not known yet", handler=environment.handler)

    @property
    def known(self) -> bool:
        return self._watch.known

    def close(self) -> None:
        self._watch.close()
