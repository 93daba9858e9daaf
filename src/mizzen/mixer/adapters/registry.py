"""The built-in adapters by name. The names are also the legacy handler kinds."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.denier import DenierAdapter
from mizzen.mixer.adapters.fluentd import FluentdAdapter
from mizzen.mixer.adapters.kubernetesenv import KubernetesEnvAdapter
from mizzen.mixer.adapters.listchecker import ListAdapter
from mizzen.mixer.adapters.memquota import MemQuotaAdapter
from mizzen.mixer.adapters.noop import NoopAdapter
from mizzen.mixer.adapters.opa import OpaAdapter
from mizzen.mixer.adapters.otlp import OtlpAdapter
from mizzen.mixer.adapters.prometheus import PrometheusAdapter
from mizzen.mixer.adapters.rbac import RbacAdapter
from mizzen.mixer.adapters.redisquota import RedisQuotaAdapter
from mizzen.mixer.adapters.statsd import StatsdAdapter
from mizzen.mixer.adapters.stdio import StdioAdapter
from mizzen.mixer.adapters.zipkin import ZipkinAdapter

_BUILT_IN: tuple[type[Adapter], ...] = (
    DenierAdapter,
    FluentdAdapter,
    KubernetesEnvAdapter,
    ListAdapter,
    MemQuotaAdapter,
    NoopAdapter,
    OpaAdapter,
    OtlpAdapter,
    PrometheusAdapter,
    RbacAdapter,
    RedisQuotaAdapter,
    StatsdAdapter,
    StdioAdapter,
    ZipkinAdapter,
)

ADAPTERS: Mapping[str, type[Adapter]] = {
    **{adapter.name: adapter for adapter in _BUILT_IN},
    "list": ListAdapter,
}
"""Adapter class by the name that `compiledAdapter` uses; `list` is the short name of `listchecker`."""
