"""Random requests on shared connections: each bag holds what its own request said, and nothing of another one's.

Workers keep memory from request to request, so what one lacks must not show through from the one before.
"""

from __future__ import annotations

import http.client
import random
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, Reference
from mizzen.testing.bags import Attributes

REQUESTS = 400
CONNECTIONS = 3
NAMES = ["x-a", "x-b", "x-a-long-name", "x-empty", "cookie", "user-agent", "accept"]
VALUES = ["", "1", "same", "a b", "x=1&y", "v" * 300]
PATHS = ["/", "/a", "/a/b", "/a?", "/a?x=1", "/a?x=1&x=2&y", "/a?=z&%20=b"]
# of Envoy, not of the client
ADDED = {":scheme", "x-forwarded-proto", "x-request-id", "x-envoy-external-address"}


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    headers: Mapping[str, str]

    def bag(self) -> dict[str, Any]:
        """What the Mixer must be told of it."""
        split = urlsplit(self.path)
        pairs = [pair.partition("=") for pair in split.query.split("&") if pair]
        parameters = {name: value for name, _, value in reversed(pairs)}
        pseudo = {":method": self.method, ":path": self.path, ":authority": self.headers["host"]}
        own = {name: value for name, value in self.headers.items() if name != "host"}
        expected = {
            "request.headers": pseudo | own,
            "request.method": self.method,
            "request.path": self.path,
            "request.url_path": split.path,
            "request.host": self.headers["host"],
        }
        if parameters:
            expected["request.query_params"] = parameters
        if "user-agent" in own:
            expected["request.useragent"] = own["user-agent"]
        return expected


def draw(dice: random.Random, number: int) -> Sent:
    headers = {"host": dice.choice(["a", "b.example", "c:80"]), "x-number": str(number)}
    for name in dice.sample(NAMES, dice.randint(0, len(NAMES))):
        headers[name] = dice.choice(VALUES)
    return Sent(dice.choice(["GET", "DELETE", "OPTIONS"]), dice.choice(PATHS), headers)


def told(bag: Attributes) -> dict[str, Any]:
    """The part of a bag that is of the request itself."""
    headers = bag["request.headers"]
    assert isinstance(headers, dict)
    own = {name: value for name, value in headers.items() if name not in ADDED}
    names = ["method", "path", "url_path", "host", "query_params", "useragent", "referer"]
    present = {f"request.{name}": bag[f"request.{name}"] for name in names if f"request.{name}" in bag}
    return present | {"request.headers": own}


@pytest.mark.parametrize("delta", [False, True], ids=["independent", "delta"])
def test_each_bag_is_of_its_own_request(
    delta: bool, backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]
) -> None:
    mixer.forget()
    dice = random.Random(7)
    mixer.on_check = lambda check: CheckAnswer(
        uses=dice.choice([0, 2, -1]), references=[Reference("request.path"), Reference("request.method")]
    )
    transport = {"report_batch_max_time": "0.2s", "report_batch_max_entries": 40, "report_delta_encoding": delta}
    sent = [draw(dice, number) for number in range(REQUESTS)]
    config = {**filter_config, "transport": transport}
    with ProxyProcess(backend.address, mixer.address, filter_config=config) as proxy:
        connections = [
            http.client.HTTPConnection(proxy.address.host, proxy.address.port, timeout=20) for _ in range(CONNECTIONS)
        ]
        for number, request in enumerate(sent):
            connection = connections[number % CONNECTIONS]
            connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            with closing(connection.getresponse()) as response:
                assert response.status == 200
                response.read()
        reports = mixer.wait_for_reports(REQUESTS)
        for connection in connections:
            connection.close()
    assert len(reports) == REQUESTS
    assert 0 < len(mixer.checks) < REQUESTS
    for bag in [*reports, *(check.attributes for check in mixer.checks)]:
        headers = bag["request.headers"]
        assert isinstance(headers, dict)
        assert told(bag) == sent[int(headers["x-number"])].bag()
    for check in mixer.checks:
        assert not [name for name in check.attributes if name.startswith(("response.", "check.", "destination.port"))]
