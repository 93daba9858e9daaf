"""prometheus: metrics as counters, gauges and distributions for scraping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment, Task
from mizzen.mixer.adapters.groups import InstanceGroup
from mizzen.mixer.adapters.prometheus.definitions import definition_of, problems_of
from mizzen.mixer.adapters.prometheus.exemplars import ExemplarMaker
from mizzen.mixer.adapters.prometheus.family import Definition, Family
from mizzen.mixer.adapters.prometheus.params import PrometheusParams
from mizzen.mixer.adapters.prometheus.route import Route
from mizzen.mixer.adapters.results import PartialReportError
from mizzen.mixer.templates import Instance, InstanceTypes, Metric, Problem

_SHOWN_ERRORS = 5


class PrometheusAdapter(Adapter, Collector):
    """Feeds a registry of its own, which the Mixer's monitoring port exposes at /metrics.

    A handler that replaces another keeps the values of every metric whose definition stayed the same.
    """

    name = "prometheus"
    templates = frozenset(["metric"])
    Params = PrometheusParams

    def __init__(self, params: PrometheusParams, environment: Environment) -> None:
        super().__init__(params, environment)
        old = environment.predecessor
        inherited = old.families if isinstance(old, PrometheusAdapter) else {}
        self.families: dict[Definition, Family] = {}
        self._routes: dict[str, Route] = {}
        for metric in params.metrics:
            definition = definition_of(metric)
            if definition not in self.families:
                self.families[definition] = inherited.get(definition) or Family(definition)
            family = self.families[definition]
            exemplars = ExemplarMaker(metric.exemplar_labels, environment.now) if metric.exemplar_labels else None
            self._routes[metric.instance_name] = Route(family, exemplars)
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)
        self._task = self._start_expiry(params)

    @classmethod
    def validate(cls, params: PrometheusParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return list(problems_of(params, instances))

    def takes_groups(self, instance: str) -> bool:
        route = self._routes.get(instance)
        return route is not None and route.takes_groups

    def report(self, instances: Sequence[Instance]) -> None:
        self.report_groups([InstanceGroup(instance) for instance in instances])

    def report_groups(self, groups: Sequence[InstanceGroup]) -> None:
        now = self.environment.monotonic()
        routes = self._routes
        errors: list[str] = []
        for group in groups:
            instance = cast(Metric, group.instance)
            route = routes.get(instance.name)
            if route is None:
                errors += [f"could not find metric info from adapter config for {instance.name}"] * group.count
                continue
            try:
                if group.numbers is None:
                    route.update(instance, now, group.count)
                else:
                    errors += [f"{instance.name}: {text}" for text in route.update_all(instance, group.numbers, now)]
            except ValueError as error:
                errors += [f"{instance.name}: {error}"] * group.count
        if errors:
            raise PartialReportError(_summary(errors, sum(group.count for group in groups)))

    def collect(self) -> Iterator[prometheus_client.Metric]:
        for family in self.families.values():
            yield family.collect()

    def close(self) -> None:
        if self._task:
            self._task.cancel()

    def _start_expiry(self, params: PrometheusParams) -> Task | None:
        policy = params.metrics_expiration_policy
        if policy is None:
            return None
        expiry = policy.metrics_expiry_duration / 1e9
        interval = policy.expiry_check_interval_duration / 1e9 or expiry / 2

        def expire() -> None:
            before = self.environment.monotonic() - expiry
            for family in self.families.values():
                family.expire(before)

        return self.environment.scheduler.every(interval, expire, name=f"{self.environment.handler} expiry")


def _summary(errors: Sequence[str], total: int) -> str:
    """Each different error once, the first few of them."""
    distinct = list(dict.fromkeys(errors))
    text = "; ".join(distinct[:_SHOWN_ERRORS])
    more = f"; and {len(distinct) - _SHOWN_ERRORS} more" if len(distinct) > _SHOWN_ERRORS else ""
    return f"{len(errors)} of {total} metrics were not taken: {text}{more}"
