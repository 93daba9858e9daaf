"""`mizzen proxy`: Envoy with the Mixer filter in front of one service."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from mizzen.cli.flag_groups import takes_flag_groups
from mizzen.cli.outcome import EXIT_FAILED, fail
from mizzen.cli.proxy_flags import EnvoyFlags, FilterFlags, ListenFlags, NodeFlags, PeerFlags

VERB = "proxy"


@takes_flag_groups
def proxy(
    *,
    peers: PeerFlags,
    envoy: EnvoyFlags,
    listen: ListenFlags,
    filters: FilterFlags,
    node: NodeFlags,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the complete Envoy config and start nothing.")
    ] = False,
) -> None:
    """Run Envoy with the Mixer filter in front of a service."""
    from mizzen.agent.bootstrap import Settings, render_bootstrap
    from mizzen.agent.envoy import EnvoyError
    from mizzen.agent.launch import launch
    from mizzen.config import ConfigError

    options = envoy.options()
    address = listen.ip()
    backend, mixer = peers.addresses()
    metadata = node.metadata()
    try:
        configs = filters.load()
        with server_port(listen.port, listen.client_port, address) as port:
            settings = Settings(
                backend=backend,
                mixer=mixer,
                address=address,
                port=port,
                client_port=listen.client_port,
                tcp_port=listen.tcp_port,
                admin_port=listen.admin_port,
                node_id=node.identity(address),
                node_metadata=metadata,
                **configs,
            )
            rendered = render_bootstrap(settings, envoy.template)
            if print_only:
                typer.echo(rendered.text, nl=False)
                return
            status = launch(rendered, options, lambda serving: typer.echo(serving.to_line()), warn)
    except ConfigError as error:
        typer.echo(error.to_text(), err=True)
        raise typer.Exit(EXIT_FAILED) from None
    except EnvoyError as error:
        fail(VERB, str(error), EXIT_FAILED)
    raise typer.Exit(status)


def warn(text: str) -> None:
    typer.echo(f"mizzen {VERB}: warning: {text}", err=True)


def server_port(port: int, client_port: int | None, address: str) -> AbstractContextManager[int]:
    """The client side routes to the server side's port, so that one must be known before Envoy starts."""
    from mizzen.agent.launch import reserved_port

    return reserved_port(address) if port == 0 and client_port is not None else nullcontext(port)
