"""`mizzen check`: asks a Mixer whether a request may pass."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mizzen.cli import asking
from mizzen.cli.asking import EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Given, Output, fail, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mizzen.client.answer import Answer
    from mizzen.client.calls import CallFailedError, MixerClient
    from mizzen.mixer.expr import Value
    from mizzen.wire import QuotaParams

VERB = "check"


def check(
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
    quotas: Annotated[
        list[str] | None, typer.Option("--quotas", "-q", metavar="NAME=AMOUNT,…", help="Quotas to take, best effort.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how it was decided.")] = False,
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
    """Ask a Mixer whether a request with these attributes may pass.

    The exit status is 0 when it may, 3 when it is refused or a quota grants nothing, 1 when there is no decision (no
    Mixer, a failed call) and 2 for flags or files that cannot be read.
    """
    from mizzen.client.texts import AttributeTextError, read_quotas

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
    records = given.records()
    if len(records) > 1:
        fail(VERB, f"{attributes_file}: has {len(records)} documents; accepted: one", EXIT_USAGE)
    try:
        wanted = read_quotas(quotas or ())
    except AttributeTextError as error:
        fail(VERB, str(error), EXIT_USAGE)
    target = target_of(VERB, mixer, tls, tls_ca, tls_certificate, tls_key, tls_server_name)
    from mizzen.client.calls import CallFailedError, MixerClient
    from mizzen.client.load import Pace, run

    with ExitStack() as stack:
        try:
            channels = [stack.enter_context(target.open()) for _ in range(concurrency)]
        except OSError as error:
            fail(VERB, str(error), EXIT_USAGE)
        clients = [MixerClient(channel, target.address, float(timeout)) for channel in channels]
        asked = _Check(records[0], wanted, explain, print_response, output)
        try:
            summary = run(
                lambda client, number: asked(clients[client], client, number), repeat, concurrency, Pace(rate)
            )
        except CallFailedError as error:
            no_decision(error, output)
    if len(summary.latencies) > 1 or not print_response:
        typer.echo(json.dumps({"summary": summary.to_dict()}) if output is Output.JSON else summary.to_text())
    if asked.failed:
        raise typer.Exit(EXIT_FAILED)
    if asked.refused:
        raise typer.Exit(EXIT_REFUSED)


def no_decision(error: CallFailedError, output: Output) -> NoReturn:
    if output is Output.JSON:
        entry = {"code": error.code, "name": error.name, "message": error.message}
        typer.echo(json.dumps({"error": entry}, ensure_ascii=False))
    fail(VERB, str(error), EXIT_FAILED)


class _Check:
    """One Check, made again and again; prints what comes back."""

    def __init__(
        self,
        attributes: Mapping[str, Value],
        quotas: Mapping[str, QuotaParams],
        explain: bool,
        shown: bool,
        output: Output,
    ) -> None:
        self._attributes = attributes
        self._quotas = quotas
        self._explain = explain
        self._shown = shown
        self._output = output
        self._run = secrets.token_hex(8)
        self.refused = False
        self.failed = False

    def __call__(self, client: MixerClient, place: int, number: int) -> str:
        """Returns the name of the status. Each call has a de-duplication id of its own."""
        from mizzen.client.answer import code_name

        identity = f"{self._run}-{place}-{number}"
        if not self._explain:
            answer: Answer | None = client.check(self._attributes, self._quotas, identity)
            explanation: Mapping[str, object] | None = None
        else:
            explained = client.explain(self._attributes, self._quotas, identity)
            answer, explanation = explained.answer, explained.explanation
        if self._shown:
            self._print(answer, explanation)
        if answer is None:
            self.failed = True
            return "failed"
        self.refused |= not answer.is_allowed
        return code_name(answer.code)

    def _print(self, answer: Answer | None, explanation: Mapping[str, object] | None) -> None:
        from mizzen.client.show import answer_text, explanation_text

        if self._output is Output.JSON:
            entry = answer.to_dict() if answer is not None else {}
            typer.echo(json.dumps(entry | ({"explanation": explanation} if explanation else {}), ensure_ascii=False))
            return
        parts = [answer_text(answer)] if answer is not None else []
        typer.echo("\n\n".join(parts + ([explanation_text(explanation)] if explanation else [])))
