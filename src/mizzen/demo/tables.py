"""What happened, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from mizzen.demo.judge import Outcome

FIRST_COLUMNS = ("path", "user", "event", "code", "reason", "duration")
WITHOUT_NEWS = ("level", "time", "instance", "method")


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="What was asked and what came back", title_justify="left")
    for name in ("", "What it shows", "Request", "Answer"):
        table.add_column(name, overflow="fold")
    for outcome in outcomes:
        mark = Text("NO", "bold red") if outcome.faults else Text("ok", "green")
        table.add_row(mark, outcome.step.name, asked(outcome), "\n".join([outcome.answer, *outcome.faults]))
    return table


def asked(outcome: Outcome) -> str:
    connection = outcome.step.connection
    if connection is not None:
        return f"{connection.send!r} from {connection.source}"
    request = outcome.step.request
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\n".join([f"{request.method} {request.path}", *headers])


def report_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="What was reported to the Mixer", title_justify="left")
    found = {name for line in lines for name in line if name not in WITHOUT_NEWS}
    columns = [name for name in FIRST_COLUMNS if name in found] + sorted(found - set(FIRST_COLUMNS))
    for name in columns:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*(str(line.get(name, "")) for name in columns))
    return table
