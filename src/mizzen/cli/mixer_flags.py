"""The flags of `mizzen mixer`, by what they are about; second spellings are those of Istio's mixs."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from mizzen.cli.numbers import number_in, permissions, port_number, rate, seconds_in, worker_count
from mizzen.cli.outcome import EXIT_USAGE, fail

if TYPE_CHECKING:
    from mizzen.config.store_url import StoreUrl
    from mizzen.mixer.front import Limits, Tls
    from mizzen.mixer.listen import Listen
    from mizzen.mixer.load import SheddingSettings
    from mizzen.mixer.runtime.decisions import DecisionSettings

VERB = "mixer"
LOOPBACK = "127.0.0.1"


def header_name(text: str) -> str:
    """A name that an HTTP header may have, in lower case; empty: none."""
    if text and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", text, re.ASCII):
        raise typer.BadParameter(f"'{text}'; accepted: the name of an HTTP header")
    return text.lower()


def http_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise typer.BadParameter(f"'{text}'; accepted: a URL such as http://127.0.0.1:4318")
    return text


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


@dataclass(frozen=True)
class ConfigurationFlags:
    """What the Mixer goes by."""

    config_dir: Annotated[
        Path | None, typer.Option("--config-dir", metavar="DIR", help="Directory with the configuration, in YAML.")
    ] = None
    config_store: Annotated[
        str,
        typer.Option(
            "--config-store",
            "--configStoreURL",
            metavar="URL",
            help="Store of the configuration: fs:///DIR, k8s:// or k8s:///KUBECONFIG; ?ns=A,B limits the namespaces.",
        ),
    ] = ""
    adapter_dir: Annotated[
        list[Path] | None,
        typer.Option("--adapter-dir", metavar="DIR", help="Folder with adapters in Python; may be given again."),
    ] = None
    default_namespace: Annotated[
        str,
        typer.Option(
            "--default-namespace",
            "--configDefaultNamespace",
            metavar="NAME",
            help="Namespace whose rules apply to every request.",
        ),
    ] = "istio-system"

    def place(self) -> Path | StoreUrl:
        """Where the configuration is, of the two options of which one is given."""
        from pydantic_core import PydanticCustomError

        from mizzen.config.store_url import parse_store_url

        if bool(self.config_dir) == bool(self.config_store):
            fail(VERB, "accepted: one of --config-dir DIR and --config-store URL", EXIT_USAGE)
        if self.config_dir:
            return existing("--config-dir", self.config_dir)
        try:
            store = parse_store_url(self.config_store)
        except PydanticCustomError as error:
            accepted = (error.context or {}).get("accepted", "")
            fail(VERB, f"--config-store {self.config_store} {error.message()}; accepted: {accepted}", EXIT_USAGE)
        if store.folder:
            return existing("--config-store", store.folder)
        try:
            import mizzen.kubernetes.client  # noqa: F401
        except ImportError as error:
            text = f"--config-store: needs the extra kubernetes (pip install 'mizzen[kubernetes]'): {error}"
            fail(VERB, text, EXIT_USAGE)
        return store

    def adapters(self) -> tuple[Path, ...]:
        return tuple(existing("--adapter-dir", directory) for directory in self.adapter_dir or ())


@dataclass(frozen=True)
class ServingFlags:
    """Where it is found, and by how many processes."""

    address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="IP that both servers bind to; tcp://IP:PORT; or unix:///PATH for gRPC, monitoring then on loopback.",
        ),
    ] = LOOPBACK
    socket_mode: Annotated[
        int,
        typer.Option(
            metavar="MODE",
            parser=permissions,
            help="Permissions of such a socket's file, octal.",
            show_default="600",
        ),
    ] = 0o600
    port: Annotated[
        int,
        typer.Option("--port", "-p", metavar="PORT", parser=port_number, help="Port of the gRPC API; 0: any free one."),
    ] = 9091
    monitoring_port: Annotated[
        int,
        typer.Option(
            "--monitoring-port",
            "--monitoringPort",
            metavar="PORT",
            parser=port_number,
            help="HTTP port of /metrics, /healthz, … ; 0: any.",
        ),
    ] = 15014
    workers: Annotated[
        int,
        typer.Option(metavar="N", parser=worker_count, help="Processes that share the port; 0: one per CPU."),
    ] = 1
    drain_timeout: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(0, 3600), help="Time for open calls at the end.")
    ] = 5.0

    def listen(self) -> Listen:
        """A usage error names the flag."""
        from mizzen.agent.address import AddressError
        from mizzen.mixer.listen import parse_listen

        try:
            listen = parse_listen(self.address, self.socket_mode)
        except AddressError as error:
            fail(VERB, f"--address {error}", EXIT_USAGE)
        if listen.socket is not None and self.workers != 1:
            fail(VERB, "--address unix:///PATH: is for one process; accepted: --workers 1", EXIT_USAGE)
        return listen

    @property
    def processes(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class TlsFlags:
    """The certificate it shows, and whose it accepts."""

    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve TLS with this certificate chain (PEM).")
    ] = None
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key (PEM).")] = None
    tls_client_ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Demand client certificates signed by this authority (PEM).")
    ] = None

    def files(self) -> Tls | None:
        from mizzen.mixer.front import Tls

        if self.tls_certificate is None and self.tls_key is None and self.tls_client_ca is None:
            return None
        if self.tls_certificate is None or self.tls_key is None:
            fail(VERB, "TLS needs both --tls-certificate and --tls-key", EXIT_USAGE)
        for file in (self.tls_certificate, self.tls_key, self.tls_client_ca):
            if file is not None and not file.is_file():
                fail(VERB, f"{file}: is not a file; accepted: a file in PEM", EXIT_USAGE)
        return Tls(self.tls_certificate, self.tls_key, self.tls_client_ca)


@dataclass(frozen=True)
class LimitFlags:
    """Bounds of what clients may use."""

    max_message_size: Annotated[
        int,
        typer.Option(
            "--max-message-size",
            "--maxMessageSize",
            metavar="BYTES",
            parser=number_in(1, 1 << 30),
            help="Largest message a client may send.",
        ),
    ] = 4 << 20
    max_concurrent_streams: Annotated[
        int,
        typer.Option(
            "--max-concurrent-streams",
            "--maxConcurrentStreams",
            metavar="N",
            parser=number_in(1, 1 << 20),
            help="Open calls per connection.",
        ),
    ] = 1024
    max_connections: Annotated[
        int,
        typer.Option(metavar="N", parser=number_in(1, 1 << 20), help="Open connections; further ones are closed."),
    ] = 10_000
    max_waiting_calls: Annotated[
        int,
        typer.Option(metavar="N", parser=number_in(1, 1 << 20), help="Calls that may wait; further ones end at once."),
    ] = 4096
    max_connection_age: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=seconds_in(0, 1e6),
            help="Connections end gracefully after about this time, so that clients spread; 0: never.",
        ),
    ] = 1800.0
    max_connection_age_grace: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(0, 3600), help="Time for the open calls of such a one.")
    ] = 10.0
    keepalive_time: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(0, 86400), help="Time between pings; 0: none.")
    ] = 60.0
    keepalive_timeout: Annotated[
        float, typer.Option(metavar="TIME", parser=seconds_in(1, 3600), help="Time for a ping to be answered.")
    ] = 20.0

    def limits(self) -> Limits:
        from mizzen.mixer.front import Limits

        return Limits(
            message_bytes=self.max_message_size,
            streams_per_connection=self.max_concurrent_streams,
            connections=self.max_connections,
            waiting_calls=self.max_waiting_calls,
            connection_age_seconds=self.max_connection_age,
            connection_age_grace_seconds=self.max_connection_age_grace,
            keepalive_seconds=self.keepalive_time,
            keepalive_timeout_seconds=self.keepalive_timeout,
        )


@dataclass(frozen=True)
class SheddingFlags:
    """When calls are refused so that the others are answered in time."""

    load_shedding_mode: Annotated[
        LoadSheddingMode,
        typer.Option("--load-shedding-mode", "--loadsheddingMode", help="Whether calls are shed under load."),
    ] = LoadSheddingMode.DISABLED
    average_latency_threshold: Annotated[
        float,
        typer.Option(
            "--average-latency-threshold",
            "--averageLatencyThreshold",
            metavar="TIME",
            parser=seconds_in(0, 3600),
            help="Shed while calls take this long on average; 0: off.",
        ),
    ] = 0.0
    latency_samples_per_second: Annotated[
        float,
        typer.Option(
            "--latency-samples-per-second",
            "--latencySamplesPerSecond",
            metavar="N",
            parser=rate,
            help="Calls whose duration is taken into the average.",
        ),
    ] = math.inf
    latency_sample_halflife: Annotated[
        float,
        typer.Option(
            "--latency-sample-halflife",
            "--latencySampleHalflife",
            metavar="TIME",
            parser=seconds_in(0.001, 3600),
            help="Time after which a duration counts half.",
        ),
    ] = 1.0
    latency_enforcement_threshold: Annotated[
        float,
        typer.Option(
            "--latency-enforcement-threshold",
            "--latencyEnforcementThreshold",
            metavar="N",
            parser=rate,
            help="Calls per second that pass whatever the average is.",
        ),
    ] = 100.0
    max_requests_per_second: Annotated[
        float,
        typer.Option(
            "--max-requests-per-second",
            "--maxRequestsPerSecond",
            metavar="N",
            parser=rate,
            help="Checks and records of Reports per second; 0: any number.",
        ),
    ] = 0.0
    burst_size: Annotated[
        int,
        typer.Option(
            "--burst-size",
            "--burstSize",
            metavar="N",
            parser=number_in(0, 1 << 30),
            help="Of these at once; 0: those of a second.",
        ),
    ] = 0

    def settings(self) -> SheddingSettings:
        from mizzen.mixer.load import SheddingMode, SheddingSettings

        return SheddingSettings(
            SheddingMode(self.load_shedding_mode.value),
            self.average_latency_threshold,
            self.latency_samples_per_second,
            self.latency_sample_halflife,
            self.latency_enforcement_threshold,
            self.max_requests_per_second,
            self.burst_size,
        )


@dataclass(frozen=True)
class ObservingFlags:
    """What it tells about itself and its decisions."""

    log_level: Annotated[LogLevel, typer.Option("--log-level", "-l", help="Least severe messages shown.")] = (
        LogLevel.INFO
    )
    log_format: Annotated[LogFormat, typer.Option(help="Form of the log on standard error.")] = LogFormat.TEXT
    tracing_otlp_endpoint: Annotated[
        str,
        typer.Option(
            metavar="URL", parser=http_url, help="OTLP receiver over HTTP for spans of calls in sampled traces."
        ),
    ] = ""
    explain: Annotated[bool, typer.Option(help="Answer `mizzen check --explain`.")] = True
    decision_entries: Annotated[
        int, typer.Option(metavar="N", parser=number_in(0, 1_000_000), help="Refusals kept for /decisions; 0: none.")
    ] = 1000
    decision_values: Annotated[
        bool, typer.Option("--decision-values", help="Keep the attributes' values and status texts with refusals.")
    ] = False
    decision_header: Annotated[
        str, typer.Option(metavar="NAME", parser=header_name, help="Response header that tells refused clients the id.")
    ] = ""

    def decisions(self) -> DecisionSettings:
        from mizzen.mixer.runtime.decisions import DecisionSettings

        return DecisionSettings(self.decision_entries, values=self.decision_values, header=self.decision_header)


def existing(option: str, directory: Path) -> Path:
    if not directory.is_dir():
        fail(VERB, f"{option} {directory}: is not a directory; accepted: an existing directory", EXIT_USAGE)
    return directory
