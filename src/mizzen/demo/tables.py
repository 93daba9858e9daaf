"""What happened, as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from mizzen.demo.scenario import Outcome

FIRST_COLUMNS = ("path", "user", "code", "reason", "duration")
WITHOUT_NEWS = ("level", "time", "instance", "method")


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="What was asked and what came back", title_justify="left")
    for name in ("", "What it shows", "Request", "Answer"):
        table.add_column(name, overflow="fold")
    for outcome in outcomes:
        good = not outcome.faults
        mark = Text("ok", "green") if good else Text("NO", "bold red")
        answer = f"{outcome.response.status} {what_came(outcome)}".strip()
        table.add_row(mark, outcome.step.name, asked(outcome), answer if good else "\n".join([answer, *outcome.faults]))
    return table


def asked(outcome: Outcome) -> str:
    request = outcome.step.request
    headers = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\n".join([f"{request.method} {request.path}", *headers])


def what_came(outcome: Outcome) -> str:
    """The part of the answer that the step is about."""
    expected = outcome.step.expect
    lines = [f"{name}: {outcome.response.header(name)}" for name in expected.headers]
    lines += [f"the service got {name}: {value}" for name, value in expected.service_headers.items()]
    if outcome.response.status >= 400 and not outcome.response.text.startswith("{"):
        lines.append(outcome.response.text)
    return "\n".join(lines)


def report_table(lines: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="What was reported to the Mixer", title_justify="left")
    found = {name for line in lines for name in line if name not in WITHOUT_NEWS}
    columns = [name for name in FIRST_COLUMNS if name in found] + sorted(found - set(FIRST_COLUMNS))
    for name in columns:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*(str(line.get(name, "")) for name in columns))
    return table
