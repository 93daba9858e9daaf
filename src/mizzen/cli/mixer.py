"""`mizzen mixer`: the policy and telemetry server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import typer

from mizzen.cli.flag_groups import takes_flag_groups
from mizzen.cli.mixer_flags import (
    LOOPBACK,
    VERB,
    ConfigurationFlags,
    LimitFlags,
    LogFormat,
    ObservingFlags,
    ServingFlags,
    SheddingFlags,
    TlsFlags,
)
from mizzen.cli.outcome import EXIT_FAILED, EXIT_USAGE, fail

if TYPE_CHECKING:
    from mizzen.mixer.server import MixerServer
    from mizzen.mixer.workers.supervisor import Plan


@takes_flag_groups
def mixer(
    *,
    configuration: ConfigurationFlags,
    serving: ServingFlags,
    tls: TlsFlags,
    limits: LimitFlags,
    shedding: SheddingFlags,
    observing: ObservingFlags,
) -> None:
    """Run the Mixer: decide on requests and take reports, by the rules of a directory of YAML files.

    Changes of the files are in force within 200 ms. Faults are logged, shown at /config and counted; what was in force
    stays. SIGTERM and SIGINT end it after the open calls are answered; a second one ends it at once.
    """
    from mizzen.cli.logs import configure_logs
    from mizzen.mixer.server import MixerServer, MixerSettings
    from mizzen.mixer.workers.role import take_role
    from mizzen.mixer.workers.supervisor import Plan

    listen = serving.listen()
    configure_logs(observing.log_level.value, json=observing.log_format is LogFormat.JSON)
    settings = MixerSettings(
        configuration.place(),
        owns_process=True,
        adapter_directories=configuration.adapters(),
        address=listen.address or LOOPBACK,
        port=serving.port if listen.port is None else listen.port,
        socket=listen.socket,
        monitoring_port=serving.monitoring_port,
        default_namespace=configuration.default_namespace,
        tls=tls.files(),
        limits=limits.limits(),
        shedding=shedding.settings(),
        drain_seconds=serving.drain_timeout,
        role=take_role(os.environ),
        tracing_endpoint=observing.tracing_otlp_endpoint,
        explain=observing.explain,
        decisions=observing.decisions(),
    )
    if serving.processes > 1 and settings.role is None:
        run_workers(
            Plan(
                serving.processes,
                sys.argv[1:],
                settings.address,
                settings.port,
                settings.monitoring_port,
                settings.drain_seconds,
            )
        )
        return
    try:
        server = MixerServer(settings)
    except ImportError as error:
        text = f"--tracing-otlp-endpoint: needs the extra otlp (pip install 'mizzen[otlp]'): {error}"
        fail(VERB, text, EXIT_USAGE)
    run(server)


def run(server: MixerServer) -> None:
    """Serves until a signal comes; what keeps it from serving becomes an exit status with a text."""
    from mizzen.mixer.process import serve

    settings = server.settings
    monitored = settings.address if settings.role is None else LOOPBACK
    socket = str(settings.socket.path) if settings.socket is not None else ""

    def told() -> None:
        announce(settings.address, server.front.port, monitored, server.monitoring_port, socket)

    run_until_ended(lambda: serve(server, told))


def run_workers(plan: Plan) -> None:
    """Serves with several processes until a signal comes."""
    from mizzen.mixer.workers.supervisor import Supervisor, WorkerFailedError

    def told(port: int, monitoring_port: int) -> None:
        announce(plan.address, port, plan.address, monitoring_port)

    try:
        run_until_ended(lambda: Supervisor(plan, told).run())
    except WorkerFailedError as error:
        raise typer.Exit(error.status if error.status > 0 else EXIT_FAILED) from error


def announce(address: str, port: int, monitored: str, monitoring_port: int, socket: str = "") -> None:
    from mizzen.agent.address import HostPort
    from mizzen.readiness import MixerAddresses

    addresses = MixerAddresses(HostPort(address, port), HostPort(monitored, monitoring_port), socket)
    typer.echo(addresses.to_line())


def run_until_ended(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        asyncio.run(work())
    except NotADirectoryError as error:
        fail(VERB, str(error), EXIT_USAGE)
    except PermissionError as error:
        fail(VERB, str(error), EXIT_USAGE if error.filename else EXIT_FAILED)
    except OSError as error:
        fail(VERB, str(error), EXIT_FAILED)
    except ValueError as error:  # certificates that are not accepted
        fail(VERB, str(error), EXIT_USAGE)
