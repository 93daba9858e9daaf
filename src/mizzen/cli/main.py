"""The command `mizzen`."""

from __future__ import annotations

from typing import Annotated

import typer

from mizzen import __version__
from mizzen.cli.check import check
from mizzen.cli.demo import demo
from mizzen.cli.eval import evaluate
from mizzen.cli.get import describe, get
from mizzen.cli.log_level import log_level
from mizzen.cli.mixer import mixer
from mizzen.cli.probe import probe
from mizzen.cli.proxy import proxy
from mizzen.cli.report import report
from mizzen.cli.schema import schema
from mizzen.cli.usage import UsageCommand
from mizzen.cli.validate import validate

app = typer.Typer(
    name="mizzen",
    help="A sidecar for any service: Envoy, a native policy filter inside it, and a Mixer programmable in Python.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mizzen {__version__}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the verb."""


app.command("check")(check)
app.command("demo", cls=UsageCommand)(demo)
app.command("describe")(describe)
app.command("eval")(evaluate)
app.command("get")(get)
app.command("log-level")(log_level)
app.command("mixer", cls=UsageCommand)(mixer)
app.command("probe")(probe)
app.command("proxy", cls=UsageCommand)(proxy)
app.command("report")(report)
app.command("schema")(schema)
app.command("validate")(validate)


def main() -> None:
    app()
