"""Real processes of the kit: what they tell when they do not start, and what may be changed while they run."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from mizzen.testing import ChildError, EnvoyProcess, MixerProcess, wait_until
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

POLICY = """\
kind: rule
metadata: {{name: r}}
spec: {{actions: [{{handler: h.denier, instances: [n.checknothing]}}]}}
---
kind: denier
metadata: {{name: h}}
spec: {{status: {{code: {code}}}}}
---
kind: checknothing
metadata: {{name: n}}
"""
ADMIN: dict[str, Any] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}


def test_the_policies_of_a_mixer_can_be_changed_while_it_runs() -> None:
    with (
        MixerProcess({"policy.yaml": POLICY.format(code=7)}) as mixer,
        grpc.insecure_channel(str(mixer.address)) as channel,
    ):
        stub = mixer_pb2_grpc.MixerStub(channel)

        def code() -> int:
            answer: mixer_pb2.CheckResponse = stub.Check(mixer_pb2.CheckRequest(), timeout=10)
            found: int = answer.precondition.status.code
            return found

        assert code() == 7
        mixer.save("policy.yaml", POLICY.format(code=16))
        wait_until(lambda: code() == 16, "the new policy")


def test_a_mixer_that_does_not_start_says_why() -> None:
    with pytest.raises(ChildError, match="no-such-flag"), MixerProcess({}, ["--no-such-flag"]):
        pytest.fail("it started")


def test_an_envoy_is_live_when_the_context_is_entered() -> None:
    with EnvoyProcess({"admin": ADMIN}, ["--disable-hot-restart"]) as envoy:
        assert envoy.stats("server.live") == {"server.live": 1}
        assert envoy.stop() == 0


def test_an_envoy_that_does_not_start_says_why() -> None:
    config = {"admin": ADMIN, "no_such_field": 1}
    with pytest.raises(ChildError, match="no_such_field"), EnvoyProcess(config, ["--disable-hot-restart"]):
        pytest.fail("it started")
