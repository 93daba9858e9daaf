"""`mizzen log-level`: the level of a running Mixer's log."""

from __future__ import annotations

from typing import Annotated

import typer

from mizzen.cli.get import DEFAULT_SERVER, Server
from mizzen.cli.mixer_flags import LogLevel
from mizzen.cli.outcome import EXIT_FAILED, EXIT_USAGE, fail

VERB = "log-level"


def log_level(
    level: Annotated[LogLevel | None, typer.Argument(help="The level from now on; default: show it.")] = None,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Show or set the level of a running Mixer's log, with several workers that of all.

    It stays until the Mixer ends. The exit status is 1 when the Mixer cannot be asked.
    """
    from mizzen.client.monitoring import MonitoringError, read_text

    try:
        if level is None:
            found = read_text(server, "/logging")
        else:
            found = read_text(server, f"/logging?level={level.value}", method="PUT")
    except ValueError as error:
        fail(VERB, f"--server {error}", EXIT_USAGE)
    except MonitoringError as error:
        fail(VERB, str(error), EXIT_FAILED)
    if found not in {known.value for known in LogLevel}:
        fail(VERB, f"{server}: is not a Mixer's monitoring port", EXIT_FAILED)
    typer.echo(found)
