"""From the headers of a gRPC call to the spans that a receiver gets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mizzen.mixer.adapters import ADAPTERS, Adapter, CheckResult
from mizzen.mixer.runtime import Inventory
from mizzen.mixer.server import MixerServer, MixerSettings
from mizzen.mixer.templates import TEMPLATES
from mizzen.testing import EchoBackend, EchoRequest, EchoResponse
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

TRACE = "0af7651916cd43dd8448eb211c80319c"
CONFIG = """\
kind: rule
metadata: {name: r}
spec:
  actions:
  - {handler: a.waiting, instances: [n.checknothing]}
  - {handler: b.waiting, instances: [n.checknothing]}
  - {handler: c.denier, instances: [n.checknothing]}
---
{kind: waiting, metadata: {name: a}}
---
{kind: waiting, metadata: {name: b}}
---
{kind: denier, metadata: {name: c}, spec: {status: {code: 7}}}
---
{kind: checknothing, metadata: {name: n}}
"""


class Waiting(Adapter):
    """Answers on a thread of its own."""

    name = "waiting"
    templates = frozenset(["checknothing"])
    blocking = True

    def check(self, instance: Any) -> CheckResult:
        return CheckResult()


class Receiver:
    """Takes spans over OTLP and keeps (trace, name)."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        self.server = EchoBackend(self.respond)

    def respond(self, request: EchoRequest) -> EchoResponse:
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            for scope in resource.scope_spans:
                self.names += [(span.trace_id.hex(), span.name) for span in scope.spans]
        return EchoResponse()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.server:
        yield receiver


def test_a_sampled_call_and_all_the_adapters_it_asks_are_spans_of_one_trace(tmp_path: Path, receiver: Receiver) -> None:
    (tmp_path / "a.yaml").write_text(CONFIG)
    inventory = Inventory({**ADAPTERS, "waiting": Waiting}, TEMPLATES)
    settings = MixerSettings(
        tmp_path,
        port=0,
        monitoring_port=0,
        installed_adapters=False,
        tracing_endpoint=f"http://{receiver.server.address}",
    )
    server = MixerServer(settings, inventory)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.front.port}") as channel:
        stub = mixer_pb2_grpc.MixerStub(channel)
        sampled = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
        stub.Check(mixer_pb2.CheckRequest(), timeout=20, metadata=sampled)
        stub.Check(mixer_pb2.CheckRequest(), timeout=20)
    server.stop()
    namespace = "istio-system"
    expected = {
        "istio.mixer.v1.Mixer/Check",
        f"checknothing:a.waiting.{namespace}(waiting)",
        f"checknothing:b.waiting.{namespace}(waiting)",
        f"checknothing:c.denier.{namespace}(denier)",
    }
    assert {name for _, name in receiver.names} == expected
    assert len(receiver.names) == 4
    assert {trace for trace, _ in receiver.names} == {TRACE}
