"""The command line without a process."""

from __future__ import annotations

from dataclasses import dataclass

from typer.testing import CliRunner

from mizzen.cli.main import app


@dataclass(frozen=True)
class Finished:
    """What a verb left."""

    returncode: int
    stdout: str
    stderr: str


def mizzen(*arguments: object, stdin: str = "") -> Finished:
    """Runs a verb in this process, which takes a tenth of the time of a new one."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Finished(result.exit_code, result.stdout, result.stderr)
