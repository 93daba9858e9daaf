"""Comparing what came with what a scenario expects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mizzen.demo.scenario import Scenario, Step
from mizzen.testing.http import HttpResponse


@dataclass(frozen=True)
class Outcome:
    """A step and what came of it, in words for a table; `faults` is empty when everything was as expected."""

    step: Step
    answer: str
    faults: tuple[str, ...]


def judge_response(step: Step, response: HttpResponse) -> Outcome:
    """Compare the answer to a request with the expectation."""
    expect = step.expect
    faults = []
    if response.status != expect.status:
        faults.append(f"status {response.status}, expected {expect.status}")
    faults += header_faults("header", {name.lower(): value for name, value in response.headers}, expect.headers)
    if expect.body_contains not in response.text:
        faults.append(f"body {response.text[:80]!r}, expected to contain {expect.body_contains!r}")
    if expect.service_headers:
        faults += header_faults("service header", headers_at_service(response), expect.service_headers)
    return Outcome(step, f"{response.status} {part_of_interest(step, response)}".strip(), tuple(faults))


def judge_connection(step: Step, received: bytes) -> Outcome:
    """Compare what came back on a connection with the expectation; nothing at all: it was refused."""
    expect = step.expect
    answer = received.decode("utf-8", "replace")
    faults = []
    if expect.refused and answer:
        faults.append(f"answer {answer[:80]!r}, expected to be refused")
    elif not expect.refused and not answer:
        faults.append("refused, expected an answer")
    elif expect.answer is not None and answer != expect.answer:
        faults.append(f"answer {answer[:80]!r}, expected {expect.answer!r}")
    return Outcome(step, answer.rstrip("\n") or "closed", tuple(faults))


def header_faults(kind: str, have: Mapping[str, str], expected: Mapping[str, str | None]) -> list[str]:
    return [
        f"{kind} {name}: {have.get(name.lower())!r}, expected {value!r}"
        for name, value in expected.items()
        if have.get(name.lower()) != value
    ]


def headers_at_service(response: HttpResponse) -> dict[str, str]:
    """The example service tells in its answer what it received; other answers tell nothing."""
    try:
        return {name.lower(): value for name, value in json.loads(response.body)["headers"]}
    except (ValueError, KeyError, TypeError):
        return {}


def part_of_interest(step: Step, response: HttpResponse) -> str:
    """The part of the answer that the step is about."""
    lines = [f"{name}: {response.header(name)}" for name in step.expect.headers]
    lines += [f"the service got {name}: {value}" for name, value in step.expect.service_headers.items()]
    if response.status >= 400 and not response.text.startswith("{"):
        lines.append(response.text)
    return "\n".join(lines)


def missing_reports(scenario: Scenario, lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The expected reports that no line has all the fields of."""
    return [wanted for wanted in scenario.reports if not any(wanted.items() <= line.items() for line in lines)]


def metric_faults(scenario: Scenario, text: str) -> list[str]:
    """Expected samples that the text of /metrics does not show with that value."""
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return [
        f"metric {name}: {samples.get(name)}, expected {value}"
        for name, value in scenario.metrics.items()
        if name not in samples or float(samples[name]) != value
    ]
