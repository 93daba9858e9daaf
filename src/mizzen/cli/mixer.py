"""`mizzen mixer`: the policy and telemetry server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mizzen.cli.numbers import number_in, port_number

if TYPE_CHECKING:
    from mizzen.mixer.front import Tls
    from mizzen.mixer.server import MixerServer

EXIT_FAILED = 1
EXIT_USAGE = 2


class LogLevel(Enum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    TEXT = "text"
    JSON = "json"


def mixer(
    config_dir: Annotated[
        Path, typer.Option("--config-dir", metavar="DIR", help="Directory with the configuration, in YAML.")
    ],
    adapter_dir: Annotated[
        list[Path] | None,
        typer.Option("--adapter-dir", metavar="DIR", help="Folder with adapters in Python; may be given again."),
    ] = None,
    address: Annotated[str, typer.Option(metavar="IP", help="Address both servers bind to.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", "-p", metavar="PORT", parser=port_number, help="Port of the gRPC API; 0: any free one."),
    ] = 9091,
    monitoring_port: Annotated[
        int, typer.Option(metavar="PORT", parser=port_number, help="HTTP port of /metrics, /healthz, … ; 0: any.")
    ] = 15014,
    default_namespace: Annotated[
        str, typer.Option(metavar="NAME", help="Namespace whose rules apply to every request.")
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
        typer.Option(metavar="BYTES", parser=number_in(1, 1 << 30), help="Largest message a client may send."),
    ] = 4 << 20,
    max_concurrent_streams: Annotated[
        int,
        typer.Option(metavar="N", parser=number_in(1, 1 << 20), help="Open calls per connection."),
    ] = 1024,
    drain_time: Annotated[
        int, typer.Option(metavar="SECONDS", parser=number_in(0, 3600), help="Time for open calls at the end.")
    ] = 5,
    log_level: Annotated[LogLevel, typer.Option("--log-level", "-l", help="Least severe messages shown.")] = (
        LogLevel.INFO
    ),
    log_format: Annotated[LogFormat, typer.Option(help="Form of the log on standard error.")] = LogFormat.TEXT,
) -> None:
    """Run the Mixer: decide on requests and take reports, by the rules of a directory of YAML files.

    Changes of the files are in force within 200 ms. Faults are logged, shown at /config and counted; what was in force
    stays. SIGTERM and SIGINT end it after the open calls are answered.
    """
    from mizzen.cli.logs import configure_logs
    from mizzen.mixer.front import Limits
    from mizzen.mixer.server import MixerServer, MixerSettings

    configure_logs(log_level.value, json=log_format is LogFormat.JSON)
    if not config_dir.is_dir():
        fail(f"--config-dir {config_dir}: is not a directory; accepted: an existing directory", EXIT_USAGE)
    for directory in adapter_dir or ():
        if not directory.is_dir():
            fail(f"--adapter-dir {directory}: is not a directory; accepted: an existing directory", EXIT_USAGE)
    settings = MixerSettings(
        config_directory=config_dir,
        adapter_directories=tuple(adapter_dir or ()),
        address=address,
        port=port,
        monitoring_port=monitoring_port,
        default_namespace=default_namespace,
        tls=tls(tls_certificate, tls_key, tls_client_ca),
        limits=Limits(message_bytes=max_message_size, streams_per_connection=max_concurrent_streams),
        drain_seconds=float(drain_time),
    )
    asyncio.run(serve(MixerServer(settings)))


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


async def serve(server: MixerServer) -> None:
    """Serves until a signal comes, then drains."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await asyncio.to_thread(server.start)
    except NotADirectoryError as error:
        fail(str(error), EXIT_USAGE)
    except PermissionError as error:
        fail(str(error), EXIT_USAGE if error.filename else EXIT_FAILED)
    except OSError as error:
        fail(str(error), EXIT_FAILED)
    except ValueError as error:  # certificates that are not accepted
        fail(str(error), EXIT_USAGE)
    address = server.settings.address
    host = f"[{address}]" if ":" in address else address
    monitoring = f"http://{host}:{server.monitoring_port}"
    typer.echo(f"mizzen mixer: serving gRPC on {host}:{server.front.port}, monitoring on {monitoring}")
    await server.run_until(stop)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.to_thread(server.stop)


def fail(text: str, status: int) -> NoReturn:
    typer.echo(f"mizzen mixer: {text}", err=True)
    raise typer.Exit(status)
