"""A scenario: requests, what must come of each, and what the Mixer must be told about them.

The file `requests.yaml` of an example is read into these models; bad content raises `ConfigError` with file and line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mizzen.agent.filter_config import load_mapping
from mizzen.agent.template import read_text
from mizzen.config import Resource, SpecModel, decode_spec
from mizzen.testing.http import HttpResponse


class RequestSpec(SpecModel):
    """What to send. `via`: the server side, or the client side that forwards attributes."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: str = ""
    times: int = Field(default=1, ge=1, le=1000)
    via: Literal["server", "client"] = "server"


class Expectation(SpecModel):
    """What must come back; `service_headers` are those the service receives, None = must be absent."""

    status: int = 200
    headers: Mapping[str, str | None] = Field(default_factory=dict)
    body_contains: str = ""
    service_headers: Mapping[str, str | None] = Field(default_factory=dict)


class Step(SpecModel):
    """One request (or several alike) and its expectation; `name` says in a sentence what it shows."""

    name: str
    request: RequestSpec = RequestSpec()
    expect: Expectation = Expectation()


class Scenario(SpecModel):
    """`reports`: fields that some line of the Mixer's log must have; `metrics`: samples its /metrics must show."""

    steps: Sequence[Step]
    reports: Sequence[Mapping[str, Any]] = ()
    metrics: Mapping[str, float] = Field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A step and what came of it; `faults` is empty when everything was as expected."""

    step: Step
    response: HttpResponse
    faults: tuple[str, ...]


def load_scenario(path: Path) -> Scenario:
    """Read `requests.yaml`; the first fault is raised as `ConfigError`."""
    document = load_mapping(read_text(path), str(path))
    resource = Resource("scenario", path.parent.name, "examples", document.value, document=document)
    scenario, errors = decode_spec(Scenario, document.value, resource, ())
    if scenario is None:
        raise errors[0]
    return scenario


def judge(step: Step, response: HttpResponse) -> Outcome:
    """Compare the answer with the expectation."""
    expect = step.expect
    faults = []
    if response.status != expect.status:
        faults.append(f"status {response.status}, expected {expect.status}")
    faults += header_faults("header", {name.lower(): value for name, value in response.headers}, expect.headers)
    if expect.body_contains not in response.text:
        faults.append(f"body {response.text[:80]!r}, expected to contain {expect.body_contains!r}")
    if expect.service_headers:
        faults += header_faults("service header", headers_at_service(response), expect.service_headers)
    return Outcome(step, response, tuple(faults))


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
