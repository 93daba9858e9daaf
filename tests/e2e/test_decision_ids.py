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
---
kind: rule
metadata: {name: fail}
spec:
  match: request.headers["x-user"] == "broken"
  actions: [{handler: list, instances: [absent]}]
---
{kind: handler, metadata: {name: list}, spec: {compiledAdapter: listchecker, params: {overrides: [a]}}}
---
{kind: instance, metadata: {name: absent}, spec: {compiledTemplate: listentry, params: {value: source.user}}}
---
{kind: rule, metadata: {name: limit}, spec: {actions: [{handler: counts, instances: [calls]}]}}
---
kind: handler
metadata: {name: counts}
spec:
  compiledAdapter: memquota
  params: {quotas: [{name: calls.instance.istio-system, max_amount: 0, valid_duration: 1s}]}
---
{kind: instance, metadata: {name: calls}, spec: {compiledTemplate: quota}}
"""
LIMITED = [
    {"match": [{"clause": {"request.url_path": {"prefix": "/limited"}}}], "quotas": [{"quota": "calls", "charge": 1}]}
]
FILTER = {
    "default_destination_service": "d",
    "service_configs": {"d": {"quota_spec": [{"rules": LIMITED}]}},
    "transport": {"network_fail_policy": {"policy": "FAIL_CLOSE"}},
}
MALLORY = [("x-user", "mallory")]


@pytest.fixture(scope="module")
def pair(backend: EchoBackend) -> Iterator[tuple[MixerProcess, ProxyProcess]]:
    with (
        MixerProcess({"a.yaml": CONFIG}, ["--decision-header", "X-Decision"]) as mixer,
        ProxyProcess(backend.address, mixer.address, filter_config=FILTER) as proxy,
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


def test_a_client_refused_by_a_quota_alone_is_told_the_id(pair: tuple[MixerProcess, ProxyProcess]) -> None:
    mixer, proxy = pair
    response = send(proxy.address, "/limited")
    assert (response.status, response.text) == (429, "RESOURCE_EXHAUSTED:Quota is exhausted for: calls")
    assert response.header("content-type") == "text/plain"
    kept = read_json(mixer.monitoring_url, f"/decisions/{response.header('x-decision')}")
    assert kept["refused_quotas"] == ["calls"]


def test_a_client_refused_because_the_check_failed_is_told_the_id(pair: tuple[MixerProcess, ProxyProcess]) -> None:
    mixer, proxy = pair
    response = send(proxy.address, "/", headers=[("x-user", "broken")])
    assert response.status == 500
    kept = read_json(mixer.monitoring_url, f"/decisions/{response.header('x-decision')}")
    assert (kept["failed"], kept["status"]["name"]) == (True, "INTERNAL")
    assert kept["failed_by"] == ["absent.instance.istio-system"]
