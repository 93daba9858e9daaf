"""Parameters of kubernetesenv."""

from __future__ import annotations

from pydantic import Field

from mizzen.config import DurationNs, SpecModel

_SECOND_NS = 1_000_000_000


class KubernetesEnvParams(SpecModel):
    """`kubeconfig_path` is overruled by the environment's KUBECONFIG; without both the Mixer runs in the cluster.

    `cache_refresh_duration` is how long one watch lasts before it is asked for anew; `sync_timeout` how long building
    waits for the first lists.
    """

    kubeconfig_path: str = ""
    cache_refresh_duration: DurationNs = Field(default=300 * _SECOND_NS, ge=_SECOND_NS, le=86_400 * _SECOND_NS)
    cluster_registries_namespace: str = Field(default="", pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$", max_length=63)
    sync_timeout: DurationNs = Field(default=10 * _SECOND_NS, ge=0, le=25 * _SECOND_NS)
