"""What adapters receive beside instances and what they answer."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mizzen.mixer.expr import Value


class Code(enum.IntEnum):
    """The codes of `google.rpc.Code`."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Status:
    """A `google.rpc.Status` without details; `code` may be one that `Code` does not know."""

    code: int = Code.OK
    message: str = ""


OK = Status()


@dataclass(frozen=True, slots=True)
class DirectResponse:
    """The HTTP answer a refused client gets; `code` 0 means the translation of the status code."""

    code: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The answer to a check.

    `valid_for` (seconds) and `uses` say how long and how often the client may reuse it. An OK with both 0 says nothing
    about caching; a refusal with both 0 is not cached. `direct_response` counts only beside a refusal. `output` is
    for templates with output: values by the names in `Template.outputs`.
    """

    status: Status = OK
    valid_for: float = 0.0
    uses: int = 0
    direct_response: DirectResponse | None = None
    output: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class QuotaArguments:
    """What is asked of a quota.

    A repeated `deduplication_id` is one request sent again, and gets the answer of the first; an empty one is never a
    repetition. A negative `amount` gives units back. With `best_effort` less than the amount may be granted.
    """

    amount: int = 1
    best_effort: bool = False
    deduplication_id: str = ""


@dataclass(frozen=True, slots=True)
class QuotaResult:
    """`amount` units are granted (or were given back) for `valid_for` seconds, 0: until given back. 0 units refuse."""

    status: Status = OK
    amount: int = 0
    valid_for: float = 0.0


class AdapterError(Exception):
    """An adapter could not do its work; the text tells the operator why. Any other exception means the same."""


class PartialReportError(AdapterError):
    """Some instances of a report were not taken, the others were: the instances are at fault, not the handler."""
