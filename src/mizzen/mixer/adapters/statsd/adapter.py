"""statsd: metrics as StatsD datagrams over UDP."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from prometheus_client import CollectorRegistry, Counter

from mizzen.config.errors import NO_VALUE
from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.name_template import parse_template
from mizzen.mixer.adapters.network_address import host_port
from mizzen.mixer.adapters.results import PartialReportError
from mizzen.mixer.adapters.statsd.datagrams import Datagrams, Sender
from mizzen.mixer.adapters.statsd.lines import LineMaker
from mizzen.mixer.adapters.statsd.params import (
    DEFAULT_FLUSH_BYTES,
    DEFAULT_FLUSH_NS,
    Kind,
    MetricParams,
    StatsdParams,
)
from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import Instance, InstanceTypes, Metric, Problem

_NUMBERS = (ValueType.INT64, ValueType.DOUBLE)


class StatsdAdapter(Adapter):
    """Puts a line per metric into datagrams, which the background sends: a report waits for no network."""

    name = "statsd"
    templates = frozenset(["metric"])
    Params = StatsdParams

    def __init__(
        self, params: StatsdParams, environment: Environment, draw: Callable[[], float] = random.random
    ) -> None:
        """`draw` gives numbers from 0 up to 1, for the sampling."""
        super().__init__(params, environment)
        self._draw = draw
        self._rate = params.sampling_rate
        self._makers = {
            name: LineMaker(metric, params.prefix, params.sampling_rate) for name, metric in params.metrics.items()
        }
        self._datagrams = Datagrams(params.flush_bytes or DEFAULT_FLUSH_BYTES)
        self._sender = Sender(*host_port(params.address))
        self._failing = False
        self.registry = CollectorRegistry()
        self._sent = Counter(
            "mizzen_statsd_lines_sent", "Lines handed to the network", ["handler"], registry=self.registry
        ).labels(environment.handler)
        dropped = Counter(
            "mizzen_statsd_lines_dropped", "Lines that were not sent", ["handler", "reason"], registry=self.registry
        )
        self._dropped_full = dropped.labels(environment.handler, "full")
        self._dropped_failed = dropped.labels(environment.handler, "send_failed")
        interval = (params.flush_duration or DEFAULT_FLUSH_NS) / 1e9
        self._task = environment.scheduler.every(interval, self._flush, name=f"{environment.handler} flush")

    @classmethod
    def validate(cls, params: StatsdParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        return list(_problems_of(params, instances))

    def report(self, instances: Sequence[Instance]) -> None:
        errors: list[str] = []
        wake = False
        for instance in instances:
            maker = self._makers.get(instance.name)
            if maker is None:
                errors.append(f"no info for metric named {instance.name}")
                continue
            if self._rate < 1 and maker.is_sampled and self._draw() >= self._rate:
                continue
            try:
                line = maker.line(cast(Metric, instance))
            except ValueError as error:
                errors.append(f"{instance.name} {error}")
                continue
            taken, full = self._datagrams.add(line.encode(errors="backslashreplace"))
            wake = wake or full
            if not taken:
                self._dropped_full.inc()
        if wake:
            self._task.wake()
        if errors:
            distinct = "; ".join(list(dict.fromkeys(errors))[:5])
            raise PartialReportError(f"{len(errors)} of {len(instances)} metrics were not taken: {distinct}")

    def close(self) -> None:
        self._task.cancel()
        self._flush()
        self._sender.close()

    def _flush(self) -> None:
        for datagram, lines in self._datagrams.take():
            try:
                self._sender.send(datagram)
            except OSError as error:
                self._dropped_failed.inc(lines)
                self._tell(error)
            else:
                self._sent.inc(lines)
                self._failing = False

    def _tell(self, error: OSError) -> None:
        """Once per row of failures; the counter has all."""
        if not self._failing:
            self.environment.logger.warning(
                "statsd cannot be sent to", handler=self.environment.handler, error=error.strerror or str(error)
            )
        self._failing = True


def _problems_of(params: StatsdParams, instances: Mapping[str, InstanceTypes]) -> Iterator[Problem]:
    for name, metric in params.metrics.items():
        if metric.type is Kind.UNKNOWN:
            yield Problem(("metrics", name, "type"), NO_VALUE, "is not given", "COUNTER, GAUGE or DISTRIBUTION")
        elif name in instances:
            yield from _problems_of_metric(name, metric, instances[name])
    for name in sorted(set(instances) - set(params.metrics)):
        close = difflib.get_close_matches(name, params.metrics, 1)
        hint = f"; is the entry for {close[0]} meant for it?" if close else ""
        reason = f"no info for metric named {name}, which a rule sends here{hint}"
        yield Problem(("metrics",), NO_VALUE, reason, f"an entry {name}")


def _problems_of_metric(name: str, metric: MetricParams, types: InstanceTypes) -> Iterator[Problem]:
    value = types.values.get("value", ValueType.UNSPECIFIED)
    accepted = (*_NUMBERS, ValueType.DURATION) if metric.type is Kind.DISTRIBUTION else _NUMBERS
    if value not in accepted:
        reason = f"does not fit the value of {name}, which is of type {value}"
        texts = ", ".join(map(str, accepted))
        yield Problem(("metrics", name, "type"), metric.type.name, reason, f"a value of type {texts}")
    dimensions = types.maps.get("dimensions", {})
    fields = parse_template(metric.name_template).fields if metric.name_template else ()
    for field in dict.fromkeys(fields):
        if field not in dimensions:
            reason = f"names {field}, which is no dimension of {name}"
            known = ", ".join(sorted(dimensions)) or "no dimensions"
            yield Problem(("metrics", name, "name_template"), metric.name_template, reason, known)
