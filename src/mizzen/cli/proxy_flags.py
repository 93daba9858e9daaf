"""The flags of `mizzen proxy`, by what they are about; those with a short form are those of Istio's `start_envoy`."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mizzen.cli.numbers import port_number, worker_count

if TYPE_CHECKING:
    from mizzen.agent.address import HostPort
    from mizzen.agent.launch import EnvoyOptions

LOG_LEVELS = ("trace", "debug", "info", "warning", "warn", "error", "critical", "off")


@dataclass(frozen=True)
class PeerFlags:
    """Who stands behind the proxy."""

    backend: Annotated[str, typer.Option("--backend", "-a", metavar="HOST:PORT", help="The service.")] = (
        "localhost:8080"
    )
    mixer: Annotated[str, typer.Option("--mixer", "-m", metavar="HOST:PORT", help="The Mixer.")] = "localhost:9091"

    def addresses(self) -> tuple[HostPort, HostPort]:
        """Of the service and of the Mixer; a usage error names the flag."""
        return host_port(self.backend, "--backend", "-a"), host_port(self.mixer, "--mixer", "-m")


@dataclass(frozen=True)
class EnvoyFlags:
    """Which Envoy runs with which configuration."""

    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Write the rendered Envoy config here (.yaml or .json)."),
    ] = None
    envoy: Annotated[
        Path | None, typer.Option("--envoy", "-e", metavar="PATH", help="The Envoy binary; default: the packaged one.")
    ] = None
    log_level: Annotated[
        str, typer.Option("--log-level", "-l", metavar="LEVEL", help=f"Envoy's: {', '.join(LOG_LEVELS)}.")
    ] = "warning"
    template: Annotated[
        Path | None, typer.Option("--template", "-t", metavar="FILE", help="Own template, or complete Envoy config.")
    ] = None
    concurrency: Annotated[
        int, typer.Option(metavar="N", parser=worker_count, help="Worker threads; 0: one per core.")
    ] = 0

    def options(self) -> EnvoyOptions:
        """A usage error names the flag."""
        from mizzen.agent.launch import EnvoyOptions

        if self.log_level not in LOG_LEVELS:
            text = f"'{self.log_level}'; accepted: {', '.join(LOG_LEVELS)}"
            raise typer.BadParameter(text, param_hint="'--log-level'")
        return EnvoyOptions(self.envoy, self.config, self.log_level, self.concurrency)


@dataclass(frozen=True)
class ListenFlags:
    """Where the proxy listens."""

    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="PORT", parser=port_number, help="Port of the server side; 0: any free one."
        ),
    ] = 9090
    client_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            parser=port_number,
            help="Port of the client side, which forwards attributes; off unless given.",
        ),
    ] = None
    tcp_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", parser=port_number, help="Port for TCP to the same service; off unless given."),
    ] = None
    admin_port: Annotated[
        int, typer.Option(metavar="PORT", parser=port_number, help="Port of Envoy's admin interface.")
    ] = 15000
    address: Annotated[str, typer.Option(metavar="IP", help="Address the listeners bind to.")] = "127.0.0.1"

    def ip(self) -> str:
        """The address; a usage error names the flag."""
        from mizzen.agent.address import AddressError, parse_listen_address

        try:
            return parse_listen_address(self.address)
        except AddressError as error:
            raise typer.BadParameter(str(error), param_hint="'--address'") from None


@dataclass(frozen=True)
class FilterFlags:
    """What the filters are configured with."""

    filter_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HttpClientConfig of the server side, YAML or JSON.")
    ] = None
    client_filter_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HttpClientConfig of the client side, YAML or JSON.")
    ] = None
    tcp_filter_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TcpClientConfig of the TCP port, YAML or JSON.")
    ] = None

    def load(self) -> dict[str, Any]:
        """Those that are given, checked, by the names of the flags; a fault raises `ConfigError`."""
        from mizzen.agent.filter_config import load_filter_config, load_tcp_filter_config

        files = (
            ("filter_config", self.filter_config, load_filter_config),
            ("client_filter_config", self.client_filter_config, load_filter_config),
            ("tcp_filter_config", self.tcp_filter_config, load_tcp_filter_config),
        )
        return {name: load(path) for name, path, load in files if path is not None}


@dataclass(frozen=True)
class NodeFlags:
    """Who the proxy says it is."""

    node_id: Annotated[
        str, typer.Option(metavar="ID", help="type~ip~name.namespace~domain; default: by host name.")
    ] = ""
    node_metadata: Annotated[str, typer.Option(metavar="JSON", help="The node's metadata, an object.")] = "{}"

    def identity(self, address: str) -> str:
        """The id, or else the host's first label as workload in the namespace `default`.

        The filter reads uid and namespace from it.
        """
        host = socket.gethostname().split(".")[0] or "localhost"
        return self.node_id or f"sidecar~{address}~{host}.default~default.svc.cluster.local"

    def metadata(self) -> dict[str, Any]:
        """A usage error names the flag."""
        try:
            value = json.loads(self.node_metadata)
        except (ValueError, RecursionError) as error:
            raise typer.BadParameter(f"is not JSON: {error}", param_hint="'--node-metadata'") from None
        if not isinstance(value, dict):
            text = f"'{self.node_metadata}'; accepted: a JSON object"
            raise typer.BadParameter(text, param_hint="'--node-metadata'")
        return value


def host_port(text: str, *flags: str) -> HostPort:
    from mizzen.agent.address import AddressError, parse_host_port

    try:
        return parse_host_port(text)
    except AddressError as error:
        raise typer.BadParameter(str(error), param_hint=" / ".join(f"'{flag}'" for flag in flags)) from None
