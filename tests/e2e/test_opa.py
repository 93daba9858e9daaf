"""A real OPA decides about requests: through a Mixer of its own process, and through Envoy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.opa.server import OpaServer, build_bundle

from mizzen.testing import (
    EchoBackend,
    LocalMixer,
    MixerProcess,
    ProxyProcess,
    assert_allowed,
    assert_refused,
    send,
    wait_until,
)

POLICY = """\
package mixerauthz
default allow := {{"allowed": false, "http_status": 451, "headers": {{"x-policy": "opa"}}, "body": "not for you\\n"}}
allow if input.action.method == "{method}"
allow if input.subject.user in data.friends
"""
HANDLER = """\
kind: handler
metadata: {{name: authz}}
spec:
  compiledAdapter: opa
  params: {params}
"""
RULE = """\
kind: instance
metadata: {name: request}
spec:
  compiledTemplate: authorization
  params:
    subject: {user: 'request.headers["x-user"] | ""'}
    action: {method: request.method | "", path: request.path | ""}
---
kind: rule
metadata: {name: authorize}
spec: {actions: [{handler: authz, instances: [request]}]}
"""


@pytest.fixture
def opa(tmp_path: Path) -> Iterator[OpaServer]:
    server = OpaServer(tmp_path)
    server.start()
    server.client.put("/v1/data/friends", json=["zoe"]).raise_for_status()
    yield server
    server.close()


def policies(**params: Any) -> dict[str, str]:
    text = json.dumps(
        {"check_method": "data.mixerauthz.allow", "fail_close": True, "caching_interval": "10ms", **params}
    )
    return {"handler.yaml": HANDLER.format(params=text), "rule.yaml": RULE}


def status(proxy: ProxyProcess, method: str = "GET", user: str = "") -> int:
    return send(proxy.address, "/", method=method, headers=[("x-user", user)]).status


def test_requests_are_decided_by_opa_and_its_policy_may_change(
    opa: OpaServer, backend: EchoBackend, filter_config: Mapping[str, Any]
) -> None:
    def files(method: str) -> dict[str, str]:
        return policies(server_url=opa.url, policy=[POLICY.format(method=method)])

    with (
        MixerProcess(files("GET")) as mixer,
        ProxyProcess(backend.address, mixer.address, filter_config=filter_config) as proxy,
    ):
        assert status(proxy) == 200
        refused = send(proxy.address, "/", method="POST")
        assert (refused.status, refused.text) == (451, "not for you\n")
        assert refused.header("x-policy") == "opa"
        assert status(proxy, "POST", "zoe") == 200
        mixer.save("handler.yaml", files("POST")["handler.yaml"])
        wait_until(lambda: status(proxy) == 451, "the new policy")
        assert status(proxy, "POST") == 200
        mixer.save("handler.yaml", files("POST")["handler.yaml"].replace("package", "pack age"))
        wait_until(lambda: "policy is not valid" in mixer.log, "the fault is told")
        assert (status(proxy), status(proxy, "POST")) == (451, 200)


@pytest.mark.parametrize("fail_close", [False, True])
def test_a_server_that_goes_and_comes_back(opa: OpaServer, fail_close: bool) -> None:
    with LocalMixer(policies(server_url=opa.url, policy=[POLICY.format(method="GET")], fail_close=fail_close)) as mixer:
        assert_allowed(mixer.check({"request.method": "GET"}))
        assert_refused(mixer.check({"request.method": "PUT"}))
        opa.stop()
        outcome = mixer.check({"request.method": "PUT"})
        (assert_refused if fail_close else assert_allowed)(outcome)
        answer = "refused" if fail_close else "allowed"
        assert mixer.metric("mizzen_opa_failures_total", handler="authz.istio-system", answer=answer) >= 1
        opa.start()
        wait_until(lambda: opa.modules(), "the policy is on the server again")
        assert_allowed(mixer.check({"request.method": "GET"}))
        assert_refused(mixer.check({"request.method": "PUT"}))


def test_a_compiled_policy_decides_without_a_server(
    backend: EchoBackend, filter_config: Mapping[str, Any], tmp_path: Path
) -> None:
    bundle = build_bundle(tmp_path / "b", POLICY.format(method="GET"), ["mixerauthz/allow"], '{"friends": ["zoe"]}')
    with (
        MixerProcess(policies(bundle=str(bundle)), ["--workers", "2"]) as mixer,
        ProxyProcess(backend.address, mixer.address, filter_config=filter_config) as proxy,
    ):
        assert (status(proxy), status(proxy, "POST"), status(proxy, "POST", "zoe")) == (200, 451, 200)
        new = build_bundle(tmp_path / "new", POLICY.format(method="POST"), ["mixerauthz/allow"])
        new.replace(bundle)
        wait_until(lambda: status(proxy) == 451, "the new bundle")
        wait_until(lambda: status(proxy, "POST", "bob") == 200, "the new bundle in every worker")
