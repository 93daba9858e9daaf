"""The flags that say which Mixer to call and how often, of `mizzen check` and `mizzen report`, and the calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mizzen.cli.numbers import number_in
from mizzen.cli.outcome import EXIT_USAGE, Output, fail

if TYPE_CHECKING:
    from mizzen.client.calls import MixerClient
    from mizzen.client.load import Summary
    from mizzen.client.target import Target


@dataclass(frozen=True)
class MixerFlags:
    """The Mixer, and how to be sure that it is the right one."""

    mixer: Annotated[str, typer.Option("--mixer", "-m", metavar="HOST:PORT", help="The Mixer.")] = "localhost:9091"
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS; any other --tls flag says so too.")] = False
    tls_ca: Annotated[
        Path | None,
        typer.Option("--tls-ca", metavar="FILE", help="Authorities for the Mixer's certificate (PEM)."),
    ] = None
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", metavar="FILE", help="Own chain (PEM).")
    ] = None
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key (PEM).")] = None
    tls_server_name: Annotated[
        str, typer.Option("--tls-server-name", metavar="NAME", help="Name in the Mixer's certificate, if not HOST.")
    ] = ""

    def target(self, verb: str) -> Target:
        """Ends the process with the status of a usage error when the flags do not fit together."""
        from mizzen.client.target import Target, TlsFiles

        if (self.tls_certificate is None) != (self.tls_key is None):
            fail(verb, "--tls-certificate and --tls-key belong together", EXIT_USAGE)
        for file in (self.tls_ca, self.tls_certificate, self.tls_key):
            if file is not None and not file.is_file():
                fail(verb, f"{file}: is not a file; accepted: a file in PEM", EXIT_USAGE)
        if self.tls or self.tls_ca or self.tls_certificate or self.tls_server_name:
            return Target(self.mixer, TlsFiles(self.tls_ca, self.tls_certificate, self.tls_key, self.tls_server_name))
        return Target(self.mixer)


@dataclass(frozen=True)
class CallFlags:
    """How often to call, and what to print."""

    repeat: Annotated[
        int, typer.Option("--repeat", "-r", metavar="N", parser=number_in(1, 10**9), help="Calls of each client.")
    ] = 1
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", metavar="N", parser=number_in(1, 1024), help="Clients at once.")
    ] = 1
    rate: Annotated[
        float, typer.Option("--rate", metavar="N", help="Calls per second of all clients; ≤ 0: no limit.")
    ] = -1.0
    print_response: Annotated[
        bool,
        typer.Option(
            "--print-response/--no-print-response",
            "--print_response/--no-print_response",
            help="Print every answer; off: only what became of all.",
        ),
    ] = True
    timeout: Annotated[
        int, typer.Option("--timeout", metavar="SECONDS", parser=number_in(1, 3600), help="Time for each call.")
    ] = 10
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TEXT

    @property
    def is_json(self) -> bool:
        return self.output is Output.JSON


def make_calls(verb: str, target: Target, flags: CallFlags, call: Callable[[MixerClient, int, int], str]) -> Summary:
    """Calls as often as the flags say and prints the summary where there is more than one answer to see.

    `call` is told the client, its number and the number of its call, and returns the name of the outcome; what it
    raises comes through. Ends the process with the status of a usage error when certificates cannot be read.
    """
    from mizzen.client.calls import MixerClient
    from mizzen.client.load import Pace, run

    with ExitStack() as stack:
        try:
            channels = [stack.enter_context(target.open()) for _ in range(flags.concurrency)]
        except OSError as error:
            fail(verb, str(error), EXIT_USAGE)
        clients = [MixerClient(channel, target.address, float(flags.timeout)) for channel in channels]
        summary = run(
            lambda client, number: call(clients[client], client, number),
            flags.repeat,
            flags.concurrency,
            Pace(flags.rate),
        )
    if len(summary.latencies) > 1 or not flags.print_response:
        typer.echo(json.dumps({"summary": summary.to_dict()}) if flags.is_json else summary.to_text())
    return summary
