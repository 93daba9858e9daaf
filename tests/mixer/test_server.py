from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter

from mizzen.cli.logs import configure_logs
from mizzen.mixer.adapters import ADAPTERS, Adapter, CheckResult, Environment, Status
from mizzen.mixer.front import GENERATION_METADATA, Limits
from mizzen.mixer.load import SheddingMode, SheddingSettings
from mizzen.mixer.runtime import Inventory
from mizzen.mixer.server import MixerServer, MixerSettings
from mizzen.mixer.templates import TEMPLATES, Instance
from mizzen.wire import QuotaParams, encode_check_request, encode_report_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

POLICY = """\
kind: rule
metadata: {name: refuse}
spec:
  match: source.name == "mallory"
  actions: [{handler: h.denier, instances: [n.checknothing]}]
---
{kind: denier, metadata: {name: h}, spec: {status: {code: 7, message: "no"}, valid_duration: 3s, valid_use_count: 4}}
---
{kind: checknothing, metadata: {name: n}}
"""

SLOW = """\
---
kind: rule
metadata: {name: slow}
spec: {match: source.name == "slow", actions: [{handler: s.slow, instances: [n.checknothing]}]}
---
{kind: slow, metadata: {name: s}}
---
{kind: rule, metadata: {name: log}, spec: {actions: [{handler: s.slow, instances: [r.reportnothing]}]}}
---
{kind: reportnothing, metadata: {name: r}}
"""


class SlowAdapter(Adapter):
    """Waits until it is told to go on; has a metric of its own."""

    name = "slow"
    templates = frozenset(["checknothing", "reportnothing"])
    blocking = True
    entered = threading.Event()
    release = threading.Event()

    def __init__(self, params: Any, environment: Environment) -> None:
        super().__init__(params, environment)
        self.registry = CollectorRegistry()
        self.reported = Counter("slow_reports", "Reports.", registry=self.registry)

    def check(self, instance: Instance) -> CheckResult:
        self.entered.set()
        self.release.wait(5)
        return CheckResult(Status(5, "late"))

    def report(self, instances: Sequence[Instance]) -> None:
        self.reported.inc(len(instances))


INVENTORY = Inventory({**ADAPTERS, "slow": SlowAdapter}, TEMPLATES)


class Client:
    """A real gRPC client and the pages of the monitoring server."""

    def __init__(self, server: MixerServer) -> None:
        self.server = server
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.front.port}")
        self.stub = mixer_pb2_grpc.MixerStub(self.channel)

    def check(self, attributes: Mapping[str, Any], **request: Any) -> mixer_pb2.CheckResponse:
        message = mixer_pb2.CheckRequest.FromString(encode_check_request(attributes, **request))
        response: mixer_pb2.CheckResponse = self.stub.Check(message, timeout=10)
        return response

    def report(self, *records: Mapping[str, Any]) -> None:
        self.stub.Report(mixer_pb2.ReportRequest.FromString(encode_report_request(records)), timeout=10)

    def raw(self, method: str, request: bytes) -> bytes:
        call: Any = self.channel.unary_unary(method)
        answer: bytes = call(request, timeout=10)
        return answer

    def page(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.server.monitoring_port}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text: str = answer.read().decode()
            return text


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    configure_logs("warning", json=True)
    yield
    structlog.reset_defaults()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY + SLOW)
    SlowAdapter.entered.clear()
    SlowAdapter.release.clear()
    return tmp_path


@pytest.fixture
def client(directory: Path) -> Iterator[Client]:
    limits = Limits(message_bytes=1 << 20)
    settings = MixerSettings(directory, port=0, monitoring_port=0, limits=limits)
    server = MixerServer(settings, INVENTORY)
    server.start()
    client = Client(server)
    yield client
    client.channel.close()
    SlowAdapter.release.set()
    server.stop()


def code_of(error: pytest.ExceptionInfo[grpc.RpcError]) -> grpc.StatusCode:
    code: grpc.StatusCode = error.value.code()
    return code


def test_a_check_is_decided_by_the_rules(client: Client) -> None:
    refused = client.check({"source.name": "mallory"}).precondition
    assert (refused.status.code, refused.status.message) == (7, "h.denier.istio-system:no")
    assert (refused.valid_duration.seconds, refused.valid_use_count) == (3, 4)
    allowed = client.check({"source.name": "alice"}).precondition
    assert (allowed.status.code, allowed.valid_duration.seconds, allowed.valid_use_count) == (0, 60, 10_000)
    assert len(allowed.referenced_attributes.attribute_matches) == 3


def test_every_answer_carries_the_generation(client: Client) -> None:
    message = mixer_pb2.CheckRequest.FromString(encode_check_request({}))
    _, check = client.stub.Check.with_call(message, timeout=10)
    _, report = client.stub.Report.with_call(mixer_pb2.ReportRequest(), timeout=10)
    for call in (check, report):
        assert dict(call.initial_metadata())[GENERATION_METADATA] == client.server.controller.generation


def test_a_quota_that_nobody_knows_is_granted(client: Client) -> None:
    response = client.check({}, quotas={"q": QuotaParams(5, False)})
    assert response.quotas["q"].granted_amount == 5


def test_a_report_reaches_the_adapter_and_its_metrics_are_shown(client: Client) -> None:
    client.report({"source.name": "a"}, {"source.name": "b"})
    metrics = client.page("/metrics")
    assert "slow_reports_total 2.0" in metrics
    assert "mizzen_mixer_report_bags_total 2.0" in metrics
    assert 'mizzen_build_info{component="mixer"' in metrics
    assert "process_resident_memory_bytes" in metrics


def test_the_native_front_counts_what_it_does(client: Client) -> None:
    client.check({})
    assert "mizzen_mixer_front_calls_total 1.0" in client.page("/metrics")


def test_another_method_is_unimplemented(client: Client) -> None:
    for method in ("/istio.mixer.v1.Mixer/check", "/istio.mixer.v1.Mixer/", "/other.Service/Check"):
        with pytest.raises(grpc.RpcError) as error:
            client.raw(method, b"")
        assert code_of(error) is grpc.StatusCode.UNIMPLEMENTED


def test_bytes_that_are_no_request_are_refused(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as error:
        client.raw("/istio.mixer.v1.Mixer/Check", b"\xff\xff\xff")
    assert code_of(error) is grpc.StatusCode.INVALID_ARGUMENT
    assert client.check({}).precondition.status.code == 0


def decision_of(error: pytest.ExceptionInfo[grpc.RpcError]) -> str:
    """The id that a failed call tells."""
    failed: Any = error.value
    return str(dict([*failed.initial_metadata(), *failed.trailing_metadata()]).get("mizzen-decision-id", ""))


@pytest.mark.parametrize("method", ["/istio.mixer.v1.Mixer/Check", "/mizzen.mixer.v1.Explain/Check"])
def test_a_failed_check_tells_an_id_under_which_it_is_kept(client: Client, method: str) -> None:
    with pytest.raises(grpc.RpcError) as error:
        client.raw(method, b"\xff\xff\xff")
    kept = json.loads(client.page(f"/decisions/{decision_of(error)}"))
    assert (kept["failed"], kept["status"]["name"]) == (True, "INVALID_ARGUMENT")


def test_a_failed_report_tells_no_id(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as error:
        client.raw("/istio.mixer.v1.Mixer/Report", b"\xff\xff\xff")
    assert decision_of(error) == ""


def test_shed_checks_explained_ones_included_tell_an_id(directory: Path) -> None:
    shedding = SheddingSettings(SheddingMode.ENFORCE, requests_per_second=0.001, burst=1)
    server = MixerServer(MixerSettings(directory, port=0, monitoring_port=0, shedding=shedding), INVENTORY)
    server.start()
    client = Client(server)
    try:
        client.raw("/mizzen.mixer.v1.Explain/Check", b"")
        for method in ("/istio.mixer.v1.Mixer/Check", "/mizzen.mixer.v1.Explain/Check"):
            with pytest.raises(grpc.RpcError, match="overloaded") as error:
                client.raw(method, b"")
            assert code_of(error) is grpc.StatusCode.UNAVAILABLE
            assert json.loads(client.page(f"/decisions/{decision_of(error)}"))["status"]["name"] == "UNAVAILABLE"
        assert 'requests_throttled_total{evaluator="rate"} 2.0' in client.page("/metrics")
    finally:
        client.channel.close()
        server.stop()


def test_a_dictionary_that_is_too_new_is_an_internal_error(client: Client) -> None:
    with pytest.raises(grpc.RpcError, match="inconsistent global dictionary versions used") as error:
        client.stub.Check(mixer_pb2.CheckRequest(global_word_count=500), timeout=10)
    assert code_of(error) is grpc.StatusCode.INTERNAL
    with pytest.raises(grpc.RpcError) as error:
        client.stub.Report(mixer_pb2.ReportRequest(global_word_count=500), timeout=10)
    assert code_of(error) is grpc.StatusCode.INTERNAL
    assert 'mizzen_mixer_call_failures_total{code="INTERNAL",method="Report"} 1.0' in client.page("/metrics")


def test_a_message_that_is_too_large_is_refused(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as error:
        client.check({"source.name": "x" * (2 << 20)})
    assert code_of(error) is grpc.StatusCode.OUT_OF_RANGE
    assert client.check({}).precondition.status.code == 0


def test_a_fault_of_the_runtime_tells_the_client_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.server.dispatcher, "_decide", lambda *_: 1 / 0)
    with pytest.raises(grpc.RpcError) as error:
        client.check({})
    assert code_of(error) is grpc.StatusCode.INTERNAL
    assert error.value.details() == "the Mixer failed while handling the call"


def test_an_adapter_that_waits_keeps_no_other_call(client: Client) -> None:
    late = client.stub.Check.future(mixer_pb2.CheckRequest.FromString(encode_check_request({"source.name": "slow"})))
    assert SlowAdapter.entered.wait(5)
    assert client.check({"source.name": "mallory"}).precondition.status.code == 7
    SlowAdapter.release.set()
    assert late.result(10).precondition.status.code == 5


def test_stop_answers_the_open_calls_and_refuses_new_ones(client: Client) -> None:
    late = client.stub.Check.future(mixer_pb2.CheckRequest.FromString(encode_check_request({"source.name": "slow"})))
    assert SlowAdapter.entered.wait(5)
    stopping = threading.Thread(target=client.server.stop)
    stopping.start()
    SlowAdapter.release.set()
    assert late.result(10).precondition.status.code == 5
    stopping.join(20)
    assert not stopping.is_alive()
    with pytest.raises(grpc.RpcError) as error:
        client.check({})
    assert code_of(error) is grpc.StatusCode.UNAVAILABLE


def test_health_readiness_and_version_are_served(client: Client) -> None:
    assert client.page("/healthz") == "ok\n"
    assert client.page("/readyz") == "ready\n"
    assert json.loads(client.page("/version"))["name"] == "mizzen mixer"


def test_the_configuration_in_force_is_served(client: Client) -> None:
    config = json.loads(client.page("/config"))
    assert config["generation"] == client.server.controller.generation
    assert {entry["status"] for entry in config["resources"]} == {"in force"}
    assert config["errors"] == []


async def test_a_change_is_in_force_within_200_ms_and_a_broken_one_changes_nothing(
    client: Client, directory: Path
) -> None:
    stop = asyncio.Event()
    running = client.server.run_until(stop)
    await asyncio.sleep(0.3)

    async def code_becomes(code: int) -> float:
        start = time.monotonic()
        while client.check({"source.name": "mallory"}).precondition.status.code != code:
            assert time.monotonic() < start + 5
            await asyncio.sleep(0.005)
        return time.monotonic() - start

    delays = []
    for code in (16, 8, 5):
        (directory / "policy.yaml").write_text(POLICY.replace("code: 7", f"code: {code}"))
        delays.append(await code_becomes(code))
        await asyncio.sleep(0.1)
    assert min(delays) < 0.2
    (directory / "policy.yaml").write_text(
        POLICY.replace("source.name ==", "source.nam ==").replace("code: 7", "code: 5")
    )
    while not json.loads(client.page("/config"))["errors"]:
        await asyncio.sleep(0.01)
    assert client.check({"source.name": "mallory"}).precondition.status.code == 5
    assert "mizzen_mixer_config_errors 1.0" in client.page("/metrics")
    assert "mizzen_mixer_config_resources_kept 1.0" in client.page("/metrics")
    stop.set()
    await running


async def test_following_looks_anew_when_asked_and_ends_when_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = asyncio.Queue[int]()

    async def look() -> None:
        looks.put_nowait(1)
        await asyncio.Event().wait()

    monkeypatch.setattr(client.server, "follow", look)
    stop, again = asyncio.Event(), asyncio.Event()
    following = client.server.run_until(stop, again)
    for _ in range(3):
        await asyncio.wait_for(looks.get(), 5)
        assert looks.empty()
        again.set()
    await asyncio.wait_for(looks.get(), 5)
    stop.set()
    await asyncio.wait_for(following, 5)


def test_a_port_in_use_is_an_error_and_leaves_nothing_running(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports in ({"port": port, "monitoring_port": 0}, {"port": 0, "monitoring_port": port}):
            with pytest.raises(OSError, match="cannot listen on"):
                MixerServer(MixerSettings(directory, **ports), INVENTORY).start()
