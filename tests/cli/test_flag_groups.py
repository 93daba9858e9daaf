"""Verbs that take their flags in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from mizzen.cli.flag_groups import takes_flag_groups


@dataclass(frozen=True)
class Place:
    host: Annotated[str, typer.Option(help="Where.")]
    port: Annotated[int, typer.Option("--port", "-p")] = 80


app = typer.Typer()
given: list[object] = []


@app.command()
@takes_flag_groups
def go(*, name: Annotated[str, typer.Argument()], place: Place, fast: bool = False) -> None:
    """Go there."""
    given.append((name, place, fast))


def test_a_group_arrives_filled_in_with_flags_and_defaults() -> None:
    given.clear()
    for arguments in (["me", "--host", "a"], ["me", "--host", "b", "-p", "81", "--fast"]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    assert given == [("me", Place("a", 80), False), ("me", Place("b", 81), True)]


def test_a_field_without_a_default_is_a_flag_that_must_be_given() -> None:
    found = CliRunner().invoke(app, ["me"])
    assert found.exit_code == 2
    assert "Missing option '--host'" in found.stderr


def test_the_help_of_a_verb_shows_the_flags_of_its_groups() -> None:
    text = CliRunner().invoke(app, ["--help"]).stdout
    assert "Go there." in text
    assert "--host" in text
    assert "--place" not in text
