"""`mizzen check`: asks a Mixer whether a request may pass."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mizzen.cli.attribute_flags import AttributeFlags
from mizzen.cli.calling import CallFlags, MixerFlags, make_calls
from mizzen.cli.flag_groups import takes_flag_groups
from mizzen.cli.outcome import EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mizzen.client.answer import Answer
    from mizzen.client.calls import CallFailedError, MixerClient
    from mizzen.mixer.expr import Value
    from mizzen.wire import QuotaParams

VERB = "check"


@takes_flag_groups
def check(
    *,
    attributes: AttributeFlags,
    quotas: Annotated[
        list[str] | None, typer.Option("--quotas", "-q", metavar="NAME=AMOUNT,…", help="Quotas to take, best effort.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show how it was decided.")] = False,
    calls: CallFlags,
    mixer: MixerFlags,
) -> None:
    """Ask a Mixer whether a request with these attributes may pass.

    The exit status is 0 when it may, 3 when it is refused or a quota grants nothing, 1 when there is no decision (no
    Mixer, a failed call) and 2 for flags or files that cannot be read.
    """
    from mizzen.client.texts import AttributeTextError, read_quotas

    records = attributes.records(VERB)
    if len(records) > 1:
        fail(VERB, f"{attributes.attributes_file}: has {len(records)} documents; accepted: one", EXIT_USAGE)
    try:
        wanted = read_quotas(quotas or ())
    except AttributeTextError as error:
        fail(VERB, str(error), EXIT_USAGE)
    target = mixer.target(VERB)
    from mizzen.client.calls import CallFailedError

    asked = _Check(records[0], wanted, explain, calls)
    try:
        make_calls(VERB, target, calls, asked)
    except CallFailedError as error:
        no_decision(error, calls)
    if asked.failed:
        raise typer.Exit(EXIT_FAILED)
    if asked.refused:
        raise typer.Exit(EXIT_REFUSED)


def no_decision(error: CallFailedError, flags: CallFlags) -> NoReturn:
    if flags.is_json:
        entry: dict[str, object] = {"code": error.code, "name": error.name, "message": error.message}
        entry |= {"decision_id": error.decision_id} if error.decision_id else {}
        typer.echo(json.dumps({"error": entry}, ensure_ascii=False))
    fail(VERB, str(error), EXIT_FAILED)


class _Check:
    """One Check, made again and again; prints what comes back."""

    def __init__(
        self,
        attributes: Mapping[str, Value],
        quotas: Mapping[str, QuotaParams],
        explain: bool,
        flags: CallFlags,
    ) -> None:
        self._attributes = attributes
        self._quotas = quotas
        self._explain = explain
        self._flags = flags
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
        if self._flags.print_response:
            self._print(answer, explanation)
        if answer is None:
            self.failed = True
            return "failed"
        self.refused |= not answer.is_allowed
        return code_name(answer.code)

    def _print(self, answer: Answer | None, explanation: Mapping[str, object] | None) -> None:
        from mizzen.client.show import answer_text, explanation_text

        if self._flags.is_json:
            entry = answer.to_dict() if answer is not None else {}
            typer.echo(json.dumps(entry | ({"explanation": explanation} if explanation else {}), ensure_ascii=False))
            return
        parts = [answer_text(answer)] if answer is not None else []
        typer.echo("\n\n".join(parts + ([explanation_text(explanation)] if explanation else [])))
