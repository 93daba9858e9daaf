"""`mizzen report`: tells a Mixer what happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mizzen.cli.attribute_flags import AttributeFlags
from mizzen.cli.calling import CallFlags, MixerFlags, make_calls
from mizzen.cli.flag_groups import takes_flag_groups
from mizzen.cli.numbers import number_in
from mizzen.cli.outcome import EXIT_FAILED

if TYPE_CHECKING:
    from mizzen.client.calls import MixerClient

VERB = "report"


@takes_flag_groups
def report(
    *,
    attributes: AttributeFlags,
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
    calls: CallFlags,
    mixer: MixerFlags,
) -> None:
    """Report attributes to a Mixer.

    A file with several documents gives as many records, which go in one call. The exit status is 0 when all was taken,
    1 when a call failed and 2 for flags or files that cannot be read.
    """
    records = [record for record in attributes.records(VERB) for _ in range(batch_size)]
    target = mixer.target(VERB)
    from mizzen.client.calls import CallFailedError

    def call(client: MixerClient, _place: int, _number: int) -> str:
        try:
            client.report(records)
            name, error = "OK", None
        except CallFailedError as failure:
            name, error = failure.name, failure
        if calls.print_response or error:
            show(name, error, len(records), calls)
        return name

    summary = make_calls(VERB, target, calls, call)
    if set(summary.outcomes) != {"OK"}:
        raise typer.Exit(EXIT_FAILED)


def show(name: str, error: Exception | None, records: int, flags: CallFlags) -> None:
    """One line for one call, on standard error where it failed and people read."""
    if flags.is_json:
        entry = {"status": name, "records": records} | ({"message": str(error)} if error else {})
        typer.echo(json.dumps(entry, ensure_ascii=False))
    elif error is not None:
        typer.echo(f"mizzen {VERB}: {error}", err=True)
    else:
        typer.echo(f"Report RPC returned {name}: {records} record{'' if records == 1 else 's'} taken")
