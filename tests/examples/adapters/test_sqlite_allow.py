from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mizzen.sdk import Code, ListEntry
from mizzen.testing import AdapterRun, InvalidParamsError, LocalMixer, assert_allowed, assert_refused

from .load import EXAMPLES, adapter_of

FOLDER = EXAMPLES / "sqlite-allow"
SqliteAllow = adapter_of(FOLDER / "adapters" / "sqlite_allow.py", "SqliteAllow")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "members.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE members (name TEXT PRIMARY KEY)")
        connection.execute("INSERT INTO members VALUES ('mia')")
        connection.commit()
    return file


def entry(value: str) -> ListEntry:
    return ListEntry("user.instance.istio-system", value)


def test_what_is_in_the_table_is_allowed_and_all_else_refused(database: Path) -> None:
    with AdapterRun(SqliteAllow, {"file": str(database), "table": "members", "validFor": "10s"}) as run:
        allowed = run.check(entry("mia"))
        assert_allowed(allowed)
        assert (allowed.valid_for, allowed.uses) == (10.0, 1000)
        assert_refused(run.check(entry("max' OR '1'='1")), Code.PERMISSION_DENIED, "is not allowed")


def test_a_new_row_counts_at_once(database: Path) -> None:
    with AdapterRun(SqliteAllow, {"file": str(database), "table": "members"}) as run:
        assert_refused(run.check(entry("max")))
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("INSERT INTO members VALUES ('max')")
            connection.commit()
        assert_allowed(run.check(entry("max")))


def test_a_database_that_is_not_there_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        AdapterRun(SqliteAllow, {"file": str(tmp_path / "none.db")})


def test_names_that_are_no_names_are_refused(database: Path) -> None:
    with pytest.raises(InvalidParamsError, match=r"table: .* is not a plain name"):
        AdapterRun(SqliteAllow, {"file": str(database), "table": 'x" --'})


def test_the_policies_work_in_a_mixer(database: Path) -> None:
    policies = (FOLDER / "policies" / "allow.yaml").read_text().replace("/var/lib/members/members.db", str(database))
    with LocalMixer(policies, adapter_directories=[FOLDER / "adapters"]) as mixer:
        request = {"context.protocol": "http", "request.headers": {"x-user": "mia"}}
        assert_allowed(mixer.check(request))
        request["request.headers"] = {"x-user": "eve"}
        assert_refused(mixer.check(request), Code.PERMISSION_DENIED, "eve is not allowed")
