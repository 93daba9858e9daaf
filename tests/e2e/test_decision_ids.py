"""A refused client can quote the id of the decision, through the real Mixer and the real Envoy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mizzen.client.monitoring import read_json
from mizzen.testing import EchoBackend, MixerProcess, ProxyProcess, send

CONFIG = """\
kind: rule
metadata: {name: refuse}
spec:
  match: request.headers["x-user"] == "mallory"
  actions: [{handler: refuse, instances: [nothing]}]
---
{kind: handler, metadata: {name: refuse}, spec: {compiledAdapter: denier, params: {status: {code: 7, message: go}}}}
---
{kind: instance, metadata: {name: nothing}, spec: {compiledTemplate: checknothing}}
"""
MALLORY = [("x-user", "mallory")]


@pytest.fixture(scope="module")
def pair(backend: EchoBackend) -> Iterator[tuple[MixerProcess, ProxyProcess]]:
    with (
        MixerProcess({"a.yaml": CONFIG}, ["--decision-header", "X-Decision"]) as mixer,
        ProxyProcess(backend.address, mixer.address) as proxy,
    ):
        yield mixer, proxy


def test_the_answer_is_the_proxys_own_with_the_id_beside_it(pair: tuple[MixerProcess, ProxyProcess]) -> None:
    mixer, proxy = pair
    first, cached = (send(proxy.address, "/", headers=MALLORY) for _ in range(2))
    assert (first.status, first.text) == (403, "PERMISSION_DENIED:refuse.istio-system:go")
    assert first.header("content-type") == "text/plain"
    identity = first.header("x-decision")
    assert identity
    assert cached.header("x-decision") == identity
    kept = read_json(mixer.monitoring_url, f"/decisions/{identity}")
    assert [one["handler"] for one in kept["refused_by"]] == ["refuse.istio-system"]
    assert {"name": "request.headers", "key": "x-user", "condition": "EXACT"} in kept["referenced"]


def test_an_allowed_client_is_told_nothing(pair: tuple[MixerProcess, ProxyProcess]) -> None:
    _, proxy = pair
    response = send(proxy.address, "/", headers=[("x-user", "alice")])
    assert (response.status, response.header("x-decision")) == (200, None)
