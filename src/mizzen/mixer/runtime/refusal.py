"""What is kept of a refused Check, and what the refused client is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from mizzen.mixer.adapters import CheckResult, Code, DirectResponse
from mizzen.mixer.adapters.texts import json_value
from mizzen.mixer.calling import HandlerError
from mizzen.mixer.runtime.combine import Decision
from mizzen.mixer.runtime.decisions import Decisions, Refusal, Refused, few, place, shorten
from mizzen.mixer.runtime.directive import direct_directive
from mizzen.mixer.runtime.policy import check_instead
from mizzen.mixer.runtime.routing import Route, Step
from mizzen.mixer.runtime.watch import Watch
from mizzen.wire import CheckCall, HeaderOperation, RouteDirective

Begun = Sequence[tuple[Step, CheckResult | Future[CheckResult]]]
"""The steps of a Check, each with its answer; every future is done."""


class Origin(NamedTuple):
    """Where a decision was made: the snapshot's number and the namespace whose rules applied."""

    snapshot: int
    namespace: str


PROXY_STATUS: Mapping[int, int] = {
    0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429,
    9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip
"""The HTTP status that proxies give to a refusal without a direct response."""

_MOST_RULES = 64


def keep(
    call: CheckCall,
    decision: Decision,
    quotas: Sequence[str],
    matched: Iterable[Route],
    begun: Begun,
    origin: Origin,
    decisions: Decisions,
    watch: Watch,
) -> None:
    """Gives `call` a decision id, and keeps and logs the refusal; `quotas` are those that granted nothing."""
    identity = decisions.next_id()
    call.decision_id = identity
    refused = list(refusing(matched, begun)) if not decision.is_ok else []
    code = Code.RESOURCE_EXHAUSTED if decision.is_ok else decision.code
    referenced = few(call.referenced())
    values = decisions.settings.values
    refusal = Refusal(
        id=identity,
        time_ns=decisions.now(),
        snapshot=origin.snapshot,
        namespace=origin.namespace,
        code=code,
        message=shorten(decision.message),
        valid_for=decision.valid_for,
        uses=decision.uses,
        rules=[route.key for route in matched][:_MOST_RULES],
        refused=refused[:_MOST_RULES],
        quotas=[shorten(name) for name in quotas],
        referenced=referenced,
        values=_values(call, referenced) if values else {},
    )
    decisions.add(refusal)
    watch.refused(refusal)


def refusing(matched: Iterable[Route], begun: Begun) -> Iterator[Refused]:
    """The handlers that refused, in the order of the routes."""
    rules = {id(step): route for route in matched for step in route.steps}
    for step, answer in begun:
        result = _answer(step, answer)
        if result is not None and result.status.code != Code.OK:
            route = rules[id(step)]
            match = route.match.text if route.match is not None else ""
            status = result.status
            yield Refused(route.key, match, step.handler.name, step.instance.key, status.code, shorten(status.message))


def telling(
    directive: RouteDirective | None, decision: Decision, header: str, identity: str | None
) -> RouteDirective | None:
    """`directive` with a response header that tells the refused client the id.

    A refusal without a direct response gets one that is as the proxy's own answer would be: headers reach a refused
    client in no other way.
    """
    if identity is None or not header:
        return directive
    if directive is None:
        name = Code(decision.code).name if decision.code in Code._value2member_map_ else "UNKNOWN"
        body = f"{name}:{decision.message}" if decision.message else name
        directive = direct_directive(decision.code, DirectResponse(PROXY_STATUS.get(decision.code, 500), {}, body))
    operations = [*directive.response_header_operations, HeaderOperation(header, identity, "REPLACE")]
    return RouteDirective(
        directive.request_header_operations, operations, directive.direct_response_code, directive.direct_response_body
    )


def _answer(step: Step, answer: CheckResult | Future[CheckResult]) -> CheckResult | None:
    if not isinstance(answer, Future):
        return answer
    try:
        return answer.result()
    except HandlerError:
        return check_instead(step.policy)


def _values(call: CheckCall, referenced: Iterable[tuple[str, str | None, str]]) -> Mapping[str, object]:
    """The values of what was looked at, except maps read whole; texts are shortened."""
    bag = call.bag()
    found: dict[str, object] = {}
    for name, key, condition in referenced:
        if condition == "EXACT":
            value = bag.get(name) if key is None else bag.get_key(name, key)
            shown = json_value(value)
            found[place(name, key)] = shorten(shown) if isinstance(shown, str) else shown
    return {name: value for name, value in found.items() if not isinstance(value, Mapping)}
