"""`mizzen proxy`: Envoy with the Mixer filter in front of one service."""

from __future__ import annotations

import json
import socket
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mizzen.cli.numbers import port_number, worker_count

if TYPE_CHECKING:
    from mizzen.agent.address import HostPort

LOG_LEVELS = ("trace", "debug", "info", "warning", "warn", "error", "critical", "off")


def proxy(
    backend: Annotated[
        str, typer.Option("--backend", "-a", metavar="HOST:PORT", help="The service.")
    ] = "localhost:8080",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Write the rendered Envoy config here (.yaml or .json)."),
    ] = None,
    envoy: Annotated[
        Path | None, typer.Option("--envoy", "-e", metavar="PATH", help="The Envoy binary; default: the packaged one.")
    ] = None,
    log_level: Annotated[
        str, typer.Option("--log-level", "-l", metavar="LEVEL", help=f"Envoy's: {', '.join(LOG_LEVELS)}.")
    ] = "warning",
    mixer: Annotated[str, typer.Option("--mixer", "-m", metavar="HOST:PORT", help="The Mixer.")] = "localhost:9091",
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="PORT", parser=port_number, help="Port of the server side; 0: any free one."
        ),
    ] = 9090,
    template: Annotated[
        Path | None, typer.Option("--template", "-t", metavar="FILE", help="Own template, or complete Envoy config.")
    ] = None,
    admin_port: Annotated[
        int, typer.Option(metavar="PORT", parser=port_number, help="Port of Envoy's admin interface.")
    ] = 15000,
    concurrency: Annotated[
        int, typer.Option(metavar="N", parser=worker_count, help="Worker threads; 0: one per core.")
    ] = 0,
    client_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            parser=port_number,
            help="Port of the client side, which forwards attributes; off unless given.",
        ),
    ] = None,
    filter_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HttpClientConfig of the server side, YAML or JSON.")
    ] = None,
    client_filter_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HttpClientConfig of the client side, YAML or JSON.")
    ] = None,
    tcp_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", parser=port_number, help="Port for TCP to the same service; off unless given."),
    ] = None,
    tcp_filter_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TcpClientConfig of the TCP port, YAML or JSON.")
    ] = None,
    node_id: Annotated[
        str, typer.Option(metavar="ID", help="type~ip~name.namespace~domain; default: by host name.")
    ] = "",
    node_metadata: Annotated[str, typer.Option(metavar="JSON", help="The node's metadata, an object.")] = "{}",
    address: Annotated[str, typer.Option(metavar="IP", help="Address the listeners bind to.")] = "127.0.0.1",
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the complete Envoy config and start nothing.")
    ] = False,
) -> None:
    """Run Envoy with the Mixer filter in front of a service."""
    from mizzen.agent.bootstrap import Settings, render_bootstrap
    from mizzen.agent.envoy import EnvoyError
    from mizzen.agent.filter_config import load_filter_config, load_tcp_filter_config
    from mizzen.agent.launch import EnvoyOptions, launch
    from mizzen.config import ConfigError

    if log_level not in LOG_LEVELS:
        raise typer.BadParameter(f"'{log_level}'; accepted: {', '.join(LOG_LEVELS)}", param_hint="'--log-level'")
    listen = listen_address(address)
    chosen: dict[str, Any] = {
        "backend": host_port(backend, "'--backend' / '-a'"),
        "mixer": host_port(mixer, "'--mixer' / '-m'"),
        "address": listen,
        "admin_port": admin_port,
        "client_port": client_port,
        "tcp_port": tcp_port,
        "node_id": node_id or default_node_id(listen),
        "node_metadata": metadata(node_metadata),
    }
    try:
        if filter_config is not None:
            chosen["filter_config"] = load_filter_config(filter_config)
        if client_filter_config is not None:
            chosen["client_filter_config"] = load_filter_config(client_filter_config)
        if tcp_filter_config is not None:
            chosen["tcp_filter_config"] = load_tcp_filter_config(tcp_filter_config)
        with server_port(port, client_port, listen) as known_port:
            rendered = render_bootstrap(Settings(port=known_port, **chosen), template)
            if print_only:
                typer.echo(rendered.text, nl=False)
                return
            options = EnvoyOptions(envoy, config, log_level, concurrency)
            status = launch(rendered, options, lambda addresses: typer.echo(addresses.to_line()), warn)
    except ConfigError as error:
        typer.echo(error.to_text(), err=True)
        raise typer.Exit(1) from None
    except EnvoyError as error:
        typer.echo(f"mizzen proxy: {error}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(status)


def warn(text: str) -> None:
    typer.echo(f"mizzen proxy: warning: {text}", err=True)


def server_port(port: int, client_port: int | None, address: str) -> AbstractContextManager[int]:
    """The client side routes to the server side's port, so that one must be known before Envoy starts."""
    from mizzen.agent.launch import reserved_port

    return reserved_port(address) if port == 0 and client_port is not None else nullcontext(port)


def host_port(text: str, flag: str) -> HostPort:
    from mizzen.agent.address import AddressError, parse_host_port

    try:
        return parse_host_port(text)
    except AddressError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None


def listen_address(text: str) -> str:
    from mizzen.agent.address import AddressError, parse_listen_address

    try:
        return parse_listen_address(text)
    except AddressError as error:
        raise typer.BadParameter(str(error), param_hint="'--address'") from None


def metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"is not JSON: {error}", param_hint="'--node-metadata'") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"'{text}'; accepted: a JSON object", param_hint="'--node-metadata'")
    return value


def default_node_id(address: str) -> str:
    """The host's first label as workload in the namespace `default`; the filter reads uid and namespace from it."""
    host = socket.gethostname().split(".")[0] or "localhost"
    return f"sidecar~{address}~{host}.default~default.svc.cluster.local"
