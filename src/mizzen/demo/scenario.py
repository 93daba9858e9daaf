"""A scenario: requests and connections, what must come of each, and what the Mixer must be told about them.

The file `requests.yaml` of an example is read into these models; bad content raises `ConfigError` with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mizzen.agent.filter_config import load_mapping
from mizzen.agent.template import read_text
from mizzen.config import Resource, SpecModel, decode_spec


class RequestSpec(SpecModel):
    """What to send. `via`: the server side, or the client side that forwards attributes."""

    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: str = ""
    times: int = Field(default=1, ge=1, le=1000)
    via: Literal["server", "client"] = "server"


class ConnectionSpec(SpecModel):
    """What to send on a connection of its own to the proxy's port for TCP, and from which loopback address.

    The client then ends its side and takes what comes back. `times`: connections one after the other.
    """

    send: str = Field(min_length=1)
    source: IPv4Address = IPv4Address("127.0.0.1")
    times: int = Field(default=1, ge=1, le=1000)


class Expectation(SpecModel):
    """What must come back; `service_headers` are those the service receives, None = must be absent.

    Of a connection: `answer`, all of it (None: anything), or that it is `refused`, closed without an answer.
    """

    status: int = 200
    headers: Mapping[str, str | None] = Field(default_factory=dict)
    body_contains: str = ""
    service_headers: Mapping[str, str | None] = Field(default_factory=dict)
    answer: str | None = None
    refused: bool = False


OF_CONNECTIONS = {"answer", "refused"}


class Step(SpecModel):
    """One request or connection (or several alike) and its expectation; `name` says in a sentence what it shows."""

    name: str
    request: RequestSpec = RequestSpec()
    connection: ConnectionSpec | None = None
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def expects_what_its_kind_can_bring(self) -> Self:
        expected = self.expect.model_fields_set
        if self.connection is None:
            if wrong := sorted(expected & OF_CONNECTIONS):
                raise ValueError(f"expects {', '.join(wrong)}, which only a connection brings")
        elif wrong := sorted(expected - OF_CONNECTIONS):
            raise ValueError(f"expects {', '.join(wrong)}, which only a request brings")
        elif "request" in self.model_fields_set:
            raise ValueError("has a request and a connection: one of them is accepted")
        return self


class Scenario(SpecModel):
    """`service`: what is behind the proxy, the HTTP service or one that sends back all bytes it receives.

    `reports`: fields that some line of the Mixer's log must have; `metrics`: samples its /metrics must show.
    """

    steps: Sequence[Step]
    service: Literal["http", "echo"] = "http"
    reports: Sequence[Mapping[str, Any]] = ()
    metrics: Mapping[str, float] = Field(default_factory=dict)

    @property
    def connects(self) -> bool:
        """Whether some step needs the proxy's port for TCP."""
        return any(step.connection is not None for step in self.steps)


def load_scenario(path: Path) -> Scenario:
    """Read `requests.yaml`; the first fault is raised as `ConfigError`."""
    document = load_mapping(read_text(path), str(path))
    resource = Resource("scenario", path.parent.name, "examples", document.value, document=document)
    scenario, errors = decode_spec(Scenario, document.value, resource, ())
    if scenario is None:
        raise errors[0]
    return scenario
