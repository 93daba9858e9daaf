"""`mizzen report`: reports attributes to a Mixer, as a proxy does at the end of a request."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Annotated

import typer

from mizzen.cli import asking
from mizzen.cli.asking import EXIT_FAILED, EXIT_USAGE, Given, Output, fail, target_of
from mizzen.cli.numbers import number_in

VERB = "report"


def report(
    mixer: asking.Mixer = "localhost:9091",
    attributes: asking.Auto = None,
    string_attributes: asking.Strings = None,
    int64_attributes: asking.Integers = None,
    double_attributes: asking.Doubles = None,
    bool_attributes: asking.Bools = None,
    timestamp_attributes: asking.Times = None,
    duration_attributes: asking.Durations = None,
    bytes_attributes: asking.Octets = None,
    stringmap_attributes: asking.Maps = None,
    attributes_file: asking.File = None,
    manifest: asking.Manifests = None,
    batch_size: Annotated[
        int,
        typer.Option(
            "--report-batch-size",
            "--report_batch_size",
            metavar="N",
            parser=number_in(1, 1_000_000),
            help="How often each call has every record.",
        ),
    ] = 1,
    repeat: asking.Repeat = 1,
    concurrency: asking.Concurrency = 1,
    rate: asking.Rate = -1.0,
    print_response: asking.PrintResponse = True,
    timeout: asking.Timeout = 10,
    output: asking.Form = Output.TEXT,
    tls: asking.Tls = False,
    tls_ca: asking.TlsCa = None,
    tls_certificate: asking.TlsCertificate = None,
    tls_key: asking.TlsKey = None,
    tls_server_name: asking.TlsServerName = "",
) -> None:
    """Report attributes to a Mixer.

    A file with several documents gives as many records, which go in one call. The exit status is 0 when all was taken,
    1 when a call failed and 2 for flags or files that cannot be read.
    """
    given = Given(
        VERB,
        attributes,
        string_attributes,
        int64_attributes,
        double_attributes,
        bool_attributes,
        timestamp_attributes,
        duration_attributes,
        bytes_attributes,
        stringmap_attributes,
        attributes_file,
        manifest,
    )
    records = [record for record in given.records() for _ in range(batch_size)]
    target = target_of(VERB, mixer, tls, tls_ca, tls_certificate, tls_key, tls_server_name)
    from mizzen.client.calls import CallFailedError, MixerClient
    from mizzen.client.load import Pace, run

    def call(client: MixerClient) -> str:
        try:
            client.report(records)
            name, error = "OK", None
        except CallFailedError as failure:
            name, error = failure.name, failure
        if print_response or error:
            show(name, error, len(records), output)
        return name

    with ExitStack() as stack:
        try:
            channels = [stack.enter_context(target.open()) for _ in range(concurrency)]
        except OSError as error:
            fail(VERB, str(error), EXIT_USAGE)
        clients = [MixerClient(channel, target.address, float(timeout)) for channel in channels]
        summary = run(lambda client, _: call(clients[client]), repeat, concurrency, Pace(rate))
    if len(summary.latencies) > 1 or not print_response:
        typer.echo(json.dumps({"summary": summary.to_dict()}) if output is Output.JSON else summary.to_text())
    if set(summary.outcomes) != {"OK"}:
        raise typer.Exit(EXIT_FAILED)


def show(name: str, error: Exception | None, records: int, output: Output) -> None:
    """One line for one call, on standard error where it failed and people read."""
    if output is Output.JSON:
        entry = {"status": name, "records": records} | ({"message": str(error)} if error else {})
        typer.echo(json.dumps(entry, ensure_ascii=False))
    elif error is not None:
        typer.echo(f"mizzen {VERB}: {error}", err=True)
    else:
        typer.echo(f"Report RPC returned {name}: {records} record{'' if records == 1 else 's'} taken")
