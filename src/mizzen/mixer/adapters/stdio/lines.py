"""Instances to lines: one JSON object each, or the console form. The order of the fields is fixed."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from mizzen.mixer.adapters.stdio.params import Level
from mizzen.mixer.adapters.texts import duration_text, float_text, ip_text, time_text
from mizzen.mixer.expr import Duration, Timestamp, Value
from mizzen.mixer.templates import Instance, LogEntry, Metric, Values

Printable: TypeAlias = str | int | float | bool | Mapping[str, str] | None

_LEVELS = {Level.INFO: "info", Level.WARNING: "warn", Level.ERROR: "error"}
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_spaced = json.JSONEncoder(ensure_ascii=False).encode


def printable(value: Value | None) -> Printable:
    """A value as JSON holds it: times, durations, addresses and floats without a number become texts."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else float_text(value)
    if isinstance(value, bytes):
        return ip_text(value) if len(value) in (4, 16) else base64.b64encode(value).decode()
    if isinstance(value, Timestamp):
        return time_text(value)
    if isinstance(value, Duration):
        return duration_text(value)
    return dict(sorted(value.items()))


def fields_of(instance: Instance) -> dict[str, Printable]:
    """The fields after level, time and instance: a metric's value first, then variables or dimensions by name."""
    fields: dict[str, Printable] = {}
    values: Values = {}
    if isinstance(instance, LogEntry):
        values = instance.variables
    elif isinstance(instance, Metric):
        fields["value"] = printable(instance.value)
        values = instance.dimensions
    for name in sorted(values):
        fields[name] = printable(values[name])
    return fields


def json_line(level: Level, time: Timestamp, instance: Instance) -> str:
    """`{"level":…,"time":…,"instance":…,…}`; a variable of one of these names takes its place."""
    line: dict[str, Any] = {"level": _LEVELS[level], "time": time_text(time), "instance": instance.name}
    line.update(fields_of(instance))
    return _compact(line)


def console_line(level: Level, time: Timestamp, instance: Instance) -> str:
    """Time, level, instance and the fields as JSON, separated by tabs."""
    return "\t".join((time_text(time), _LEVELS[level], instance.name, _spaced(fields_of(instance))))
