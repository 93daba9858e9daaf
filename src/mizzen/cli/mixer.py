"""`mizzen mixer`: the policy and telemetry server."""

from __future__ import annotations

import asyncio
import math
import os
import re
import sys
from collections.abc import Callable, Coroutine
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer

from mizzen.cli.numbers import number_in, permissions, port_number, rate, seconds_in, worker_count

if TYPE_CHECKING:
    from mizzen.config.store_url import StoreUrl
    from mizzen.mixer.front import Tls
    from mizzen.mixer.listen import Listen
    from mizzen.mixer.server import MixerServer
    from mizzen.mixer.workers.supervisor import Plan

LOOPBACK = "127.0.0.1"
EXIT_FAILED = 1
EXIT_USAGE = 2


def header_name(text: str) -> str:
    """A name that an HTTP header may have, in lower case; empty: none."""
    if text and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", text, re.ASCII):
        raise typer.BadParameter(f"'{text}'; accepted: the name of an HTTP header")
    return text.lower()


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LoadSheddingMode(Enum):
    DISABLED = "disabled"
    LOGONLY = "logonly"
    ENFORCE = "enforce"


class LogFormat(Enum):
    TEXT = "text"
    JSON = "json"


def mixer(
    config_dir: Annotated[
        Path | None, typer.Option("--config-dir", metavar="DIR", help="Directory with the configuration, in YAML.")
    ] = None,
    config_store: Annotated[
        str,
        typer.Option(
            "--config-store",
            "--configStoreURL",
            metavar="URL",
            help="Store of the configuration: fs:///DIR, k8s:// or k8s:///KUBECONFIG; ?ns=A,B limits the namespaces.",
        ),
    ] = "",
    adapter_dir: Annotated[
        list[Path] | None,
        typer.Option("--adapter-dir", metavar="DIR", help="Folder with adapters in Python; may be given again."),
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="IP that both servers bind to; tcp://IP:PORT; or unix:///PATH for gRPC, monitoring then on loopback.",
        ),
    ] = LOOPBACK,
    socket_mode: Annotated[
        int,
        typer.Option(
            metavar="MODE",
            parser=permissions,
            help="Permissions of such a socket's file, octal.",
            show_default="600",
        ),
    ] = 0o600,
    port: Annotated[
        int,
        typer.Option("--port", "-p", metavar="PORT", parser=port_number, help="Port of the gRPC API; 0: any free one."),
    ] = 9091,
    monitoring_port: Annotated[
        int,
        typer.Option(
            "--monitoring-port",
            "--monitoringPort",
            metavar="PORT",
            parser=port_number,
            help="HTTP port of /metrics, /healthz, … ; 0: any.",
        ),
    ] = 15014,
    workers: Annotated[
        int,
        typer.Option(metavar="N", parser=worker_count, help="Processes that share the port; 0: one per CPU."),
    ] = 1,
    default_namespace: Annotated[
        str,
        typer.Option(
            "--default-namespace",
            "--configDefaultNamespace",
            metavar="NAME",
            help="Namespace whose rules apply to every request.",
        ),
    ] = "istio-system",
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve TLS with this certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Demand client certificates signed by this authority (PEM).")
    ] = None,
    max_message_size: Annotated[
        int,
        typer.Option(
            "--max-message-size",
            "--maxMessageSize",
            metavar="BYTES",
            parser=number_in(1, 1 << 30),
            help="Largest message a client may send.",
        ),
    ] = 4 << 20,
    max_concurrent_streams: Annotated[
        int,
        typer.Option(
            "--max-concurrent-streams",
            "--maxConcurrentStreams",
            metavar="N",
            parser=number_in(1, 1 << 20),
            help="Open calls per connection.",
        ),
    ] = 1024,
    max_connections: Annotated[
        int,
        typer.Option(metavar="N", parser=number_in(1, 1 << 20), help="Open connections; further ones are closed."),
    ] = 10_000,
    max_waiting_calls: Annotated[
        int,
        typer.Option(metavar="N", parser=number_in(1, 1 << 20), help="Calls that may wait; further ones end at once."),
    ] = 4096,
    max_connection_age: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=seconds_in(0, 1e6),
            help="Connections end gracefully after about this time, so that clients spread; 0: never.",
        ),
    ] = 1800.0,
    max_connection_age_grace: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(0, 3600), help="Time for the open calls of such a one.")
    ] = 10.0,
    keepalive_time: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(0, 86400), help="Time between pings; 0: none.")
    ] = 60.0,
    keepalive_timeout: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(1, 3600), help="Time for a ping to be answered.")
    ] = 20.0,
    drain_timeout: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(0, 3600), help="Time for open calls at the end.")
    ] = 5.0,
    load_shedding_mode: Annotated[
        LoadSheddingMode,
        typer.Option("--load-shedding-mode", "--loadsheddingMode", help="Whether calls are shed under load."),
    ] = (LoadSheddingMode.DISABLED),
    average_latency_threshold: Annotated[
        float,
        typer.Option(
            "--average-latency-threshold",
            "--averageLatencyThreshold",
            metavar="TIME",
            parser=seconds_in(0, 3600),
            help="Shed while calls take this long on average; 0: off.",
        ),
    ] = 0.0,
    latency_samples_per_second: Annotated[
        float,
        typer.Option(
            "--latency-samples-per-second",
            "--latencySamplesPerSecond",
            metavar="N",
            parser=rate,
            help="Calls whose duration is taken into the average.",
        ),
    ] = math.inf,
    latency_sample_halflife: Annotated[
        float,
        typer.Option(
            "--latency-sample-halflife",
            "--latencySampleHalflife",
            metavar="TIME",
            parser=seconds_in(0.001, 3600),
            help="Time after which a duration counts half.",
        ),
    ] = 1.0,
    latency_enforcement_threshold: Annotated[
        float,
        typer.Option(
            "--latency-enforcement-threshold",
            "--latencyEnforcementThreshold",
            metavar="N",
            parser=rate,
            help="Calls per second that pass whatever the average is.",
        ),
    ] = 100.0,
    max_requests_per_second: Annotated[
        float,
        typer.Option(
            "--max-requests-per-second",
            "--maxRequestsPerSecond",
            metavar="N",
            parser=rate,
            help="Checks and records of Reports per second; 0: any number.",
        ),
    ] = 0.0,
    burst_size: Annotated[
        int,
        typer.Option(
            "--burst-size",
            "--burstSize",
            metavar="N",
            parser=number_in(0, 1 << 30),
            help="Of these at once; 0: those of a second.",
        ),
    ] = 0,
    tracing_otlp_endpoint: Annotated[
        str,
        typer.Option(
            metavar="URL", parser=http_url, help="OTLP receiver over HTTP for spans of calls in sampled traces."
        ),
    ] = "",
    log_level: Annotated[LogLevel, typer.Option("--log-level", "-l", help="Least severe messages shown.")] = (
        LogLevel.INFO
    ),
    log_format: Annotated[LogFormat, typer.Option(help="Form of the log on standard error.")] = LogFormat.TEXT,
    explain: Annotated[bool, typer.Option(help="Answer `mizzen check --explain`.")] = True,
    decision_entries: Annotated[
        int, typer.Option(metavar="N", parser=number_in(0, 1_000_000), help="Refusals kept for /decisions; 0: none.")
    ] = 1000,
    decision_values: Annotated[
        bool, typer.Option("--decision-values", help="Keep the attributes' values and status texts with refusals.")
    ] = False,
    decision_header: Annotated[
        str, typer.Option(metavar="NAME", parser=header_name, help="Response header that tells refused clients the id.")
    ] = "",
) -> None:
    """Run the Mixer: decide on requests and take reports, by the rules of a directory of YAML files.

    Changes of the files are in force within 200 ms. Faults are logged, shown at /config and counted; what was in force
    stays. SIGTERM and SIGINT end it after the open calls are answered; a second one ends it at once.
    """
    from mizzen.cli.logs import configure_logs
    from mizzen.mixer.front import Limits
    from mizzen.mixer.load import SheddingMode, SheddingSettings
    from mizzen.mixer.runtime.decisions import DecisionSettings
    from mizzen.mixer.server import MixerServer, MixerSettings
    from mizzen.mixer.workers.role import take_role
    from mizzen.mixer.workers.supervisor import Plan

    listen = listen_on(address, socket_mode)
    if listen.socket is not None and workers != 1:
        fail("--address unix:///PATH: is for one process; accepted: --workers 1", EXIT_USAGE)
    address, port = listen.address or LOOPBACK, port if listen.port is None else listen.port
    configure_logs(log_level.value, json=log_format is LogFormat.JSON)
    place = configuration(config_dir, config_store)
    for directory in adapter_dir or ():
        if not directory.is_dir():
            fail(f"--adapter-dir {directory}: is not a directory; accepted: an existing directory", EXIT_USAGE)
    settings = MixerSettings(
        place,
        owns_process=True,
        adapter_directories=tuple(adapter_dir or ()),
        address=address,
        port=port,
        socket=listen.socket,
        monitoring_port=monitoring_port,
        default_namespace=default_namespace,
        tls=tls(tls_certificate, tls_key, tls_client_ca),
        limits=Limits(
            message_bytes=max_message_size,
            streams_per_connection=max_concurrent_streams,
            connections=max_connections,
            waiting_calls=max_waiting_calls,
            connection_age_seconds=max_connection_age,
            connection_age_grace_seconds=max_connection_age_grace,
            keepalive_seconds=keepalive_time,
            keepalive_timeout_seconds=keepalive_timeout,
        ),
        shedding=SheddingSettings(
            SheddingMode(load_shedding_mode.value),
            average_latency_threshold,
            latency_samples_per_second,
            latency_sample_halflife,
            latency_enforcement_threshold,
            max_requests_per_second,
            burst_size,
        ),
        drain_seconds=drain_timeout,
        role=take_role(os.environ),
        tracing_endpoint=tracing_otlp_endpoint,
        explain=explain,
        decisions=DecisionSettings(decision_entries, values=decision_values, header=decision_header),
    )
    count = workers or len(os.sched_getaffinity(0))
    if count > 1 and settings.role is None:
        run_workers(Plan(count, sys.argv[1:], address, port, monitoring_port, drain_timeout))
    else:
        try:
            server = MixerServer(settings)
        except ImportError as error:
            fail(f"--tracing-otlp-endpoint: needs the extra otlp (pip install 'mizzen[otlp]'): {error}", EXIT_USAGE)
        run(server)


def configuration(directory: Path | None, url: str) -> Path | StoreUrl:
    """Where the configuration is, of the two options of which one is given."""
    from pydantic_core import PydanticCustomError

    from mizzen.config.store_url import parse_store_url

    if bool(directory) == bool(url):
        fail("accepted: one of --config-dir DIR and --config-store URL", EXIT_USAGE)
    if directory:
        return existing("--config-dir", directory)
    try:
        store = parse_store_url(url)
    except PydanticCustomError as error:
        accepted = (error.context or {}).get("accepted", "")
        fail(f"--config-store {url} {error.message()}; accepted: {accepted}", EXIT_USAGE)
    if store.folder:
        return existing("--config-store", store.folder)
    try:
        import mizzen.kubernetes.client  # noqa: F401
    except ImportError as error:
        fail(f"--config-store: needs the extra kubernetes (pip install 'mizzen[kubernetes]'): {error}", EXIT_USAGE)
    return store


def existing(option: str, directory: Path) -> Path:
    if not directory.is_dir():
        fail(f"{option} {directory}: is not a directory; accepted: an existing directory", EXIT_USAGE)
    return directory


def listen_on(text: str, mode: int) -> Listen:
    from mizzen.agent.address import AddressError
    from mizzen.mixer.listen import parse_listen

    try:
        return parse_listen(text, mode)
    except AddressError as error:
        fail(f"--address {error}", EXIT_USAGE)


def http_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise typer.BadParameter(f"'{text}'; accepted: a URL such as http://127.0.0.1:4318")
    return text


def tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    from mizzen.mixer.front import Tls

    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        fail("TLS needs both --tls-certificate and --tls-key", EXIT_USAGE)
    for file in (certificate, key, client_ca):
        if file is not None and not file.is_file():
            fail(f"{file}: is not a file; accepted: a file in PEM", EXIT_USAGE)
    return Tls(certificate, key, client_ca)


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
        fail(str(error), EXIT_USAGE)
    except PermissionError as error:
        fail(str(error), EXIT_USAGE if error.filename else EXIT_FAILED)
    except OSError as error:
        fail(str(error), EXIT_FAILED)
    except ValueError as error:  # certificates that are not accepted
        fail(str(error), EXIT_USAGE)


def fail(text: str, status: int) -> NoReturn:
    typer.echo(f"mizzen mixer: {text}", err=True)
    raise typer.Exit(status)
