"""What a Mixer under test answered, and assertions about it that say everything when they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc

from mizzen.mixer.adapters import CheckResult, Code
from mizzen.testing.answers import Reference
from mizzen.testing.bags import text
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb


@dataclass(frozen=True)
class Granted:
    """A quota that was asked for; `valid_for` in seconds."""

    amount: int
    valid_for: float = 0.0
    code: int = 0
    message: str = ""


@dataclass(frozen=True)
class CheckOutcome:
    """The end of a Check: a decision, or the gRPC error in `failure` (its code's name) and `message`.

    Operations are texts such as `REPLACE x-user: mia`.
    """

    code: int = 0
    message: str = ""
    valid_for: float = 0.0
    uses: int = 0
    request_headers: Sequence[str] = ()
    response_headers: Sequence[str] = ()
    direct_code: int = 0
    direct_body: str = ""
    quotas: Mapping[str, Granted] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    generation: str = ""
    failure: str = ""

    @property
    def allowed(self) -> bool:
        return not self.failure and self.code == Code.OK

    def __str__(self) -> str:
        if self.failure:
            return f"the call failed with {self.failure}: {self.message}"
        decision = "allowed" if self.allowed else f"refused with {code_name(self.code)}: {self.message}"
        lines = [f"{decision} (for {self.valid_for:g} s, {self.uses} uses)"]
        if self.direct_code:
            lines.append(f"  answered with HTTP {self.direct_code}: {self.direct_body!r}")
        lines += [f"  request header {operation}" for operation in self.request_headers]
        lines += [f"  response header {operation}" for operation in self.response_headers]
        lines += [f"  quota {name}: {granted}" for name, granted in self.quotas.items()]
        return "\n".join(lines)


def code_name(code: int) -> str:
    return Code(code).name if code in Code._value2member_map_ else str(code)


def read_outcome(response: pb.CheckResponse, generation: str = "") -> CheckOutcome:
    """The outcome of an answer."""
    found, directive = response.precondition, response.precondition.route_directive
    return CheckOutcome(
        found.status.code,
        found.status.message,
        found.valid_duration.ToNanoseconds() / 1e9,
        found.valid_use_count,
        [_operation(operation) for operation in directive.request_header_operations],
        [_operation(operation) for operation in directive.response_header_operations],
        directive.direct_response_code,
        directive.direct_response_body,
        {
            name: Granted(
                quota.granted_amount,
                quota.valid_duration.ToNanoseconds() / 1e9,
                quota.status.code,
                quota.status.message,
            )
            for name, quota in response.quotas.items()
        },
        _references(found.referenced_attributes),
        generation,
    )


def failed_outcome(error: grpc.RpcError) -> CheckOutcome:
    code: grpc.StatusCode = error.code()
    return CheckOutcome(failure=code.name, message=error.details() or "")


def assert_allowed(outcome: CheckOutcome | CheckResult) -> None:
    """The check passed."""
    if _code_of(outcome) != Code.OK:
        raise AssertionError(f"expected to be allowed, but {describe(outcome)}")


def assert_refused(outcome: CheckOutcome | CheckResult, code: Code | None = None, message: str = "") -> None:
    """The check was refused; with `code`, by that one; with `message`, with a text that has it."""
    found = _code_of(outcome)
    wanted = f"expected a refusal{f' with {code.name}' if code else ''}{f' and {message!r}' if message else ''}"
    said = outcome.message if isinstance(outcome, CheckOutcome) else outcome.status.message
    if found in (None, Code.OK) or (code is not None and found != code) or message not in said:
        raise AssertionError(f"{wanted}, but {describe(outcome)}")


def assert_failed(outcome: CheckOutcome, failure: str, message: str = "") -> None:
    """The call ended with the gRPC error `failure` (such as `INTERNAL`) and a text that has `message`."""
    if outcome.failure != failure or message not in outcome.message:
        raise AssertionError(f"expected the call to fail with {failure} {message!r}, but {outcome}")


def describe(outcome: CheckOutcome | CheckResult) -> str:
    if isinstance(outcome, CheckOutcome):
        return str(outcome)
    status = outcome.status
    return str(CheckOutcome(status.code, status.message, outcome.valid_for, outcome.uses))


def _code_of(outcome: CheckOutcome | CheckResult) -> int | None:
    """The code of the decision; None when there is none."""
    if isinstance(outcome, CheckOutcome):
        return None if outcome.failure else outcome.code
    return outcome.status.code


def _references(found: pb.ReferencedAttributes) -> list[Reference]:
    """What the decision depends on, in the order of names and keys."""
    conditions = pb.ReferencedAttributes.Condition
    references = [
        Reference(
            text(match.name, found.words),
            text(match.map_key, found.words) if match.map_key else None,
            conditions.Name(match.condition),
        )
        for match in found.attribute_matches
    ]
    return sorted(references, key=lambda one: (one.name, one.key or ""))


def _operation(operation: pb.HeaderOperation) -> str:
    kind = pb.HeaderOperation.Operation.Name(operation.operation)
    return f"{kind} {operation.name}: {operation.value}" if operation.value else f"{kind} {operation.name}"
