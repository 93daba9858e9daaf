"""Metric instances to lines of the StatsD protocol: `name:value|type[|@rate]`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from mizzen.mixer.adapters.name_template import NameTemplate, parse_template
from mizzen.mixer.adapters.statsd.params import Kind, MetricParams
from mizzen.mixer.adapters.texts import float_text, stringify
from mizzen.mixer.expr import Duration, Value
from mizzen.mixer.templates import Metric

_RESERVED = re.compile(r"[:|@\s\x00-\x1f\x7f]")
_LONGEST_NAME = 1000


class LineMaker:
    """The lines of the instances of one name."""

    def __init__(self, metric: MetricParams, prefix: str, rate: float) -> None:
        self._kind = metric.type
        self._template: NameTemplate | None = parse_template(metric.name_template) if metric.name_template else None
        self._prefix = f"{prefix}." if prefix else ""
        self._rate = f"|@{float_text(rate)}" if rate < 1 else ""

    @property
    def is_sampled(self) -> bool:
        """A gauge is a state, not an event: leaving some out and scaling the rest would tell something else."""
        return self._kind is not Kind.GAUGE

    def line(self, instance: Metric) -> str:
        """ValueError says what is wrong with the instance."""
        name = self._name(instance)
        value = instance.value
        if self._kind is Kind.DISTRIBUTION and isinstance(value, Duration):
            return f"{name}:{float_text(value.nanoseconds / 1e6)}|ms{self._rate}"
        number = _number(value)
        if self._kind is Kind.GAUGE:
            # A sign in front means a change, so a negative value is reached from 0.
            start = f"{name}:0|g\n" if number < 0 else ""
            return f"{start}{name}:{stringify(number)}|g"
        return f"{name}:{stringify(number)}|c{self._rate}"

    def _name(self, instance: Metric) -> str:
        if self._template is None:
            return self._prefix + clean_name(instance.name)
        try:
            return self._prefix + clean_name(self._template.render(_texts(instance.dimensions)))
        except KeyError as error:
            raise ValueError(f"has no dimension {error.args[0]} for its name_template") from None


def clean_name(name: str) -> str:
    """What would end a name or a line becomes `_`: dimensions may come from a request."""
    return _RESERVED.sub("_", name)[:_LONGEST_NAME]


def _texts(dimensions: Mapping[str, Value | None]) -> dict[str, str]:
    return {name: stringify(value) for name, value in dimensions.items()}


def _number(value: Value | None) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise ValueError(f"has a value of type {'null' if value is None else type(value).__name__} that cannot be sent")
