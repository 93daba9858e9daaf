"""Instances to lines: one JSON object each, or the console form. The order of the fields is fixed."""

from __future__ import annotations

import json
from typing import Any

from mizzen.mixer.adapters.stdio.params import Level
from mizzen.mixer.adapters.texts import JsonValue, json_value, time_text
from mizzen.mixer.expr import Timestamp
from mizzen.mixer.templates import Instance, LogEntry, Metric, Values

_LEVELS = {Level.INFO: "info", Level.WARNING: "warn", Level.ERROR: "error"}
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_spaced = json.JSONEncoder(ensure_ascii=False).encode


def fields_of(instance: Instance) -> dict[str, JsonValue]:
    """The fields after level, time and instance: a metric's value first, then variables or dimensions by name."""
    fields: dict[str, JsonValue] = {}
    values: Values = {}
    if isinstance(instance, LogEntry):
        values = instance.variables
    elif isinstance(instance, Metric):
        fields["value"] = json_value(instance.value)
        values = instance.dimensions
    for name in sorted(values):
        fields[name] = json_value(values[name])
    return fields


def json_line(level: Level, time: Timestamp, instance: Instance) -> str:
    """`{"level":…,"time":…,"instance":…,…}`; a variable of one of these names takes its place."""
    line: dict[str, Any] = {"level": _LEVELS[level], "time": time_text(time), "instance": instance.name}
    line.update(fields_of(instance))
    return _compact(line)


def console_line(level: Level, time: Timestamp, instance: Instance) -> str:
    """Time, level, instance and the fields as JSON, separated by tabs."""
    return "\t".join((time_text(time), _LEVELS[level], instance.name, _spaced(fields_of(instance))))
