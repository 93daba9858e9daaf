"""What a `FakeMixer` answers, in plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc

from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb


@dataclass(frozen=True)
class Reference:
    """An attribute, or a key of a string map, that the decision depends on."""

    name: str
    key: str | None = None
    condition: str = "EXACT"


@dataclass(frozen=True)
class QuotaAnswer:
    """Tokens for one quota; `valid_for` in seconds, None = the field is left out (one minute for the client)."""

    granted: int
    valid_for: float | None = None
    references: Sequence[Reference] = ()
    code: int = 0
    message: str = ""


@dataclass(frozen=True)
class CheckAnswer:
    """One answer to Check. As it stands: allowed, and not to be cached.

    `code` and `message`: the decision, a canonical code. `valid_for` in seconds (None: for ever) and `uses` (0: for
    the asking request alone, negative: any number): how long and often requests equal in `references` may reuse it.
    `directive`: header operations and direct response. `quotas`: the grants; a quota asked for and not listed is
    granted in full when `grant_all`. `delay` in seconds. `grpc_code`: the call fails with it instead.
    `precondition` False: the answer lacks the decision. `metadata`: initial metadata sent with it.
    """

    code: int = 0
    message: str = ""
    valid_for: float | None = None
    uses: int = 0
    references: Sequence[Reference] = ()
    directive: pb.RouteDirective | None = None
    quotas: Mapping[str, QuotaAnswer] = field(default_factory=dict)
    grant_all: bool = False
    delay: float = 0.0
    grpc_code: grpc.StatusCode | None = None
    grpc_message: str = ""
    precondition: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportAnswer:
    """One answer to Report: success after `delay` seconds, or failure with `grpc_code`."""

    delay: float = 0.0
    grpc_code: grpc.StatusCode | None = None
    grpc_message: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def directive(
    request: Sequence[tuple[str, str, str]] = (),
    response: Sequence[tuple[str, str, str]] = (),
    code: int = 0,
    body: str = "",
) -> pb.RouteDirective:
    """A route directive from `(operation, name, value)` triples; operations are REPLACE, REMOVE and APPEND."""
    return pb.RouteDirective(
        request_header_operations=[operation(*triple) for triple in request],
        response_header_operations=[operation(*triple) for triple in response],
        direct_response_code=code,
        direct_response_body=body,
    )


def operation(kind: str, name: str, value: str) -> pb.HeaderOperation:
    return pb.HeaderOperation(name=name, value=value, operation=pb.HeaderOperation.Operation.Value(kind))


def check_response(answer: CheckAnswer, request: pb.CheckRequest) -> pb.CheckResponse:
    """The protocol's message; like a real Mixer it grants quotas only when the decision is to allow."""
    response = pb.CheckResponse()
    if answer.precondition:
        response.precondition.CopyFrom(precondition(answer))
    if answer.code == 0:
        for name, asked in request.quotas.items():
            given = answer.quotas.get(name) or (QuotaAnswer(asked.amount) if answer.grant_all else None)
            if given is not None:
                response.quotas[name].CopyFrom(quota_result(given))
    return response


def precondition(answer: CheckAnswer) -> pb.CheckResponse.PreconditionResult:
    result = pb.CheckResponse.PreconditionResult(valid_use_count=answer.uses)
    result.status.code = answer.code
    result.status.message = answer.message
    if answer.valid_for is not None:
        result.valid_duration.FromNanoseconds(round(answer.valid_for * 1e9))
    result.referenced_attributes.CopyFrom(referenced(answer.references))
    if answer.directive is not None:
        result.route_directive.CopyFrom(answer.directive)
    return result


def quota_result(answer: QuotaAnswer) -> pb.CheckResponse.QuotaResult:
    result = pb.CheckResponse.QuotaResult(granted_amount=answer.granted)
    if answer.valid_for is not None:
        result.valid_duration.FromNanoseconds(round(answer.valid_for * 1e9))
    result.referenced_attributes.CopyFrom(referenced(answer.references))
    result.status.code = answer.code
    result.status.message = answer.message
    return result


def referenced(references: Sequence[Reference]) -> pb.ReferencedAttributes:
    """All words in the message's own list, which every client must understand."""
    message = pb.ReferencedAttributes()
    for reference in references:
        match = message.attribute_matches.add()
        match.name = word(message, reference.name)
        match.condition = pb.ReferencedAttributes.Condition.Value(reference.condition)
        if reference.key is not None:
            match.map_key = word(message, reference.key)
    return message


def word(message: pb.ReferencedAttributes, text: str) -> int:
    if text not in message.words:
        message.words.append(text)
    return -(list(message.words).index(text) + 1)
