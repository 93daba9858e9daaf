"""Allows what is in a column of a SQLite table."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from pydantic import Field

from mizzen.sdk import (
    Adapter,
    CheckResult,
    Code,
    DurationNs,
    Environment,
    InstanceTypes,
    ListEntry,
    Params,
    Problem,
    Status,
    to_text,
)

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SqliteAllowParams(Params):
    file: str
    table: str = "allowed"
    column: str = "name"
    valid_for: DurationNs = Field(default=5_000_000_000, ge=0)


class SqliteAllow(Adapter):
    """Plain methods: they run on threads of the handler, so each thread has a connection of its own.

    The table is read for every check, so a row added by any program counts at once for requests that the proxies have
    not remembered; `valid_for` bounds how long they do.
    """

    name = "sqlite-allow"
    templates = frozenset(["listentry"])
    Params = SqliteAllowParams

    def __init__(self, params: SqliteAllowParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._uri = f"{Path(params.file).absolute().as_uri()}?mode=ro"
        self._query = f'SELECT 1 FROM "{params.table}" WHERE "{params.column}" = ? LIMIT 1'  # noqa: S608
        self._valid_for = params.valid_for / 1e9
        self._local = threading.local()
        with closing(sqlite3.connect(self._uri, uri=True)) as connection:
            connection.execute(self._query, ("",))  # a missing file or table: the handler is not built

    @classmethod
    def validate(cls, params: SqliteAllowParams, instances: Mapping[str, InstanceTypes]) -> Sequence[Problem]:
        names = {"table": params.table, "column": params.column}
        return [
            Problem((field,), name, "is not a plain name", "letters, digits and _, not starting with a digit")
            for field, name in names.items()
            if not _IDENTIFIER.fullmatch(name)
        ]

    def check(self, instance: ListEntry) -> CheckResult:
        value = to_text(instance.value)
        found = self._connection().execute(self._query, (value,)).fetchone()
        status = Status() if found else Status(Code.PERMISSION_DENIED, f"{value} is not allowed")
        return CheckResult(status, valid_for=self._valid_for, uses=1000)

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = sqlite3.connect(self._uri, uri=True, timeout=2.0)
        connection: sqlite3.Connection = self._local.connection
        return connection
