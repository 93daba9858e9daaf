"""`mizzen probe`: whether a Mixer serves."""

from __future__ import annotations

from typing import Annotated

import typer

from mizzen.cli.calling import MixerFlags
from mizzen.cli.flag_groups import takes_flag_groups
from mizzen.cli.numbers import seconds_in
from mizzen.cli.outcome import EXIT_FAILED, EXIT_USAGE, fail

VERB = "probe"
EXIT_NO_ANSWER = 3
EXIT_NOT_SERVING = 4


@takes_flag_groups
def probe(
    *,
    server: Annotated[
        str, typer.Option("--server", "-s", metavar="URL", help="Ask /readyz of this monitoring port instead.")
    ] = "",
    service: Annotated[
        str, typer.Option("--service", metavar="NAME", help="gRPC service to ask about; default: the whole server.")
    ] = "",
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="TIME", parser=seconds_in(0.001, 3600), help="Time to connect, and to answer."
        ),
    ] = 1.0,
    mixer: MixerFlags,
) -> None:
    """Ask whether a Mixer serves, by its gRPC health service or its monitoring port; for orchestrators and scripts.

    The exit status is 0 when it serves, 4 when it says that it does not, 3 when it gives no answer, 1 when it cannot be
    reached and 2 for a wrong command line.
    """
    if server:
        by_monitoring(server, timeout)
    else:
        by_health(mixer, service, timeout)
    typer.echo("SERVING")


def by_monitoring(server: str, timeout: float) -> None:
    from mizzen.client.monitoring import MonitoringError, RefusedError, read_text

    try:
        read_text(server, "/readyz", seconds=timeout)
    except ValueError as error:
        fail(VERB, f"--server {error}", EXIT_USAGE)
    except RefusedError as error:
        fail(VERB, str(error), EXIT_NOT_SERVING)
    except MonitoringError as error:
        fail(VERB, str(error), EXIT_FAILED)


def by_health(mixer: MixerFlags, service: str, timeout: float) -> None:
    target = mixer.target(VERB)
    from mizzen.client.health import HealthError, UnreachableError, health

    try:
        state = health(target, service, timeout)
    except OSError as error:
        fail(VERB, str(error), EXIT_USAGE)
    except UnreachableError as error:
        fail(VERB, str(error), EXIT_FAILED)
    except HealthError as error:
        fail(VERB, str(error), EXIT_NO_ANSWER)
    if state != "SERVING":
        fail(VERB, f"{target.address}: {state}", EXIT_NOT_SERVING)
