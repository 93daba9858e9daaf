"""Writes log entries to Parquet files."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arro3.core import Array, DataType, Table
from arro3.io import write_parquet
from pydantic import Field

from mizzen.sdk import (
    Adapter,
    DurationNs,
    Environment,
    InstanceTypes,
    LogEntry,
    Params,
    Problem,
    Timestamp,
    Value,
    ValueType,
    to_text,
)

_TYPES = {
    ValueType.INT64: DataType.int64(),
    ValueType.DOUBLE: DataType.float64(),
    ValueType.BOOL: DataType.bool(),
}
_TIME = DataType.timestamp("ns", tz="UTC")


class ParquetLogParams(Params):
    directory: str
    rows: int = Field(default=10_000, ge=1, le=1_000_000)
    interval: DurationNs = Field(default=60_000_000_000, ge=1_000_000_000)


class ParquetLog(Adapter):
    """One file per instance whenever `rows` are collected, each `interval`, and at the end.

    Columns are `time`, `severity` and the variables of the instance, with the types of their expressions: the Mixer
    tells them when the handler is built, and builds a new one when they change. A file appears under its name only when
    it is complete.
    """

    name = "parquet-log"
    templates = frozenset(["logentry"])
    Params = ParquetLogParams

    def __init__(self, params: ParquetLogParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._directory = Path(params.directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._limit = params.rows
        self._lock = threading.Lock()
        self._rows: dict[str, list[LogEntry]] = {}
        self._files = 0
        self._task = environment.scheduler.every(params.interval / 1e9, self.flush, name="parquet-log")

    @classmethod
    def validate(cls, params: ParquetLogParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        taken = [
            f"{name}: {variable}"
            for name, types in instances.items()
            for variable in types.maps.get("variables", {})
            if variable in ("time", "severity")
        ]
        return [Problem((), taken, "have the name of a column that is always there", "another name")] if taken else []

    def report(self, instances: Sequence[LogEntry]) -> None:
        with self._lock:
            for instance in instances:
                self._rows.setdefault(instance.name, []).append(instance)
            full = [self._rows.pop(name) for name, rows in list(self._rows.items()) if len(rows) >= self._limit]
        for rows in full:
            self._write(rows)

    def flush(self) -> None:
        """Writes what is collected."""
        with self._lock:
            collected, self._rows = self._rows, {}
        for rows in collected.values():
            self._write(rows)

    def close(self) -> None:
        self._task.cancel()
        self.flush()

    def _write(self, rows: Sequence[LogEntry]) -> None:
        name = rows[0].name
        with self._lock:
            self._files += 1
            number = self._files
        file = self._directory / f"{name.split('.')[0]}-{self.environment.now()}-{number:06d}.parquet"
        hidden = file.with_name(f".{file.name}.part")
        write_parquet(self._table(name, rows), str(hidden))
        hidden.replace(file)

    def _table(self, name: str, rows: Sequence[LogEntry]) -> Table:
        columns: dict[str, Any] = {
            "time": _column([row.timestamp for row in rows], ValueType.TIMESTAMP),
            "severity": _column([row.severity for row in rows], ValueType.STRING),
        }
        for variable, value_type in self.environment.instances[name].maps["variables"].items():
            columns[variable] = _column([row.variables.get(variable) for row in rows], value_type)
        return Table.from_pydict(columns)


def _column(values: Sequence[Value | None], value_type: ValueType) -> Array:
    """Times and numbers as what they are, all else as text; null stays null."""
    if value_type is ValueType.TIMESTAMP:
        nanoseconds = [value.nanoseconds if isinstance(value, Timestamp) else None for value in values]
        return Array(nanoseconds, type=DataType.int64()).cast(_TIME)
    arrow = _TYPES.get(value_type)
    if arrow is not None:
        return Array(list(values), type=arrow)
    texts: list[Any] = [None if value is None else to_text(value) for value in values]
    return Array(texts, type=DataType.string())
