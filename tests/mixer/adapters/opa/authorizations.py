"""What the tests of opa ask with."""

from __future__ import annotations

from prometheus_client import generate_latest

from mizzen.mixer.adapters import CheckResult, Code, Status
from mizzen.mixer.adapters.opa import OpaAdapter
from mizzen.mixer.templates import Action, Authorization, Subject

REFUSED = Status(Code.PERMISSION_DENIED, "opa: request was rejected")
ALLOWED = Status()
WITHOUT_DECISION = (1.0, 100)
"""For how long and how often an answer counts that OPA did not give."""


def ask(handler: OpaAdapter, method: str = "GET", user: str = "ann") -> CheckResult:
    return handler.check(Authorization("i", Subject(user), Action(method=method)))


def number(handler: OpaAdapter, name: str) -> float:
    """The value of a metric with one set of labels, or `name` with labels as shown."""
    assert handler.registry is not None
    lines = generate_latest(handler.registry).decode().splitlines()
    return float(next(line for line in lines if line.startswith(name)).split()[-1])


def failures(handler: OpaAdapter) -> float:
    return number(handler, "mizzen_opa_failures_total")
