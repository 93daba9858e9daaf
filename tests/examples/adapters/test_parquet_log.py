from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from arro3.io import read_parquet

from mizzen.mixer.expr import ValueType
from mizzen.sdk import Duration, InstanceTypes, LogEntry, Timestamp
from mizzen.testing import AdapterRun, InvalidParamsError, LocalMixer

from .load import EXAMPLES, adapter_of

FOLDER = EXAMPLES / "parquet-log"
ParquetLog = adapter_of(FOLDER / "adapters" / "parquet_log.py", "ParquetLog")
NAME = "request.instance.istio-system"
NOON_NS = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z


def types(**variables: ValueType) -> dict[str, InstanceTypes]:
    return {NAME: InstanceTypes("logentry", {}, {"variables": variables})}


TYPES = types(
    path=ValueType.STRING, code=ValueType.INT64, share=ValueType.DOUBLE, ok=ValueType.BOOL, took=ValueType.DURATION
)


def entry(path: str, **variables: Any) -> LogEntry:
    return LogEntry(NAME, {"path": path, **variables}, Timestamp(NOON_NS), "info")


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.parquet")):
        table = read_parquet(str(file)).read_all()
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        found += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return found


def test_entries_become_rows_with_the_types_of_their_expressions(tmp_path: Path) -> None:
    with AdapterRun(ParquetLog, {"directory": str(tmp_path)}, instances=TYPES) as run:
        run.report(entry("/", code=200, share=0.5, ok=True, took=Duration(1_500_000_000)), entry("/x"))
    first, second = rows(tmp_path)
    assert first.pop("time").isoformat() == "2026-01-01T12:00:00+00:00"
    assert first == {"severity": "info", "path": "/", "code": 200, "share": 0.5, "ok": True, "took": "1.5s"}
    assert [second[name] for name in ("path", "code", "share", "ok", "took")] == ["/x", None, None, None, None]


def test_a_file_is_written_when_enough_rows_are_there_and_each_interval(tmp_path: Path) -> None:
    with AdapterRun(ParquetLog, {"directory": str(tmp_path), "rows": 2, "interval": "5s"}, instances=TYPES) as run:
        assert run.tasks[0].seconds == 5.0
        run.report(entry("/1"))
        assert rows(tmp_path) == []
        run.report(entry("/2"))
        assert [row["path"] for row in rows(tmp_path)] == ["/1", "/2"]
        run.report(entry("/3"))
        run.run_tasks()
        assert len(list(tmp_path.iterdir())) == 2
    assert len(rows(tmp_path)) == 3


def test_a_variable_may_not_have_the_name_of_a_column_that_is_always_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidParamsError, match="severity"):
        AdapterRun(ParquetLog, {"directory": str(tmp_path)}, instances=types(severity=ValueType.STRING))


def test_the_policies_work_in_a_mixer(tmp_path: Path) -> None:
    policies = (FOLDER / "policies" / "log.yaml").read_text().replace("/var/log/requests", str(tmp_path))
    record = {"context.protocol": "http", "request.path": "/cart", "response.code": 404, "request.time": Timestamp(5)}
    with LocalMixer(policies, adapter_directories=[FOLDER / "adapters"]) as mixer:
        assert mixer.report(record, {**record, "request.path": "/pay"}) == ""
    assert [(row["path"], row["code"], row["internal"]) for row in rows(tmp_path)] == [
        ("/cart", 404, True),
        ("/pay", 404, True),
    ]
