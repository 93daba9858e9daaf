"""The stage: an example service, a Mixer with a folder of policies, and a proxy in front, each on a port of its own."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from mizzen.agent.address import NOWHERE, HostPort
from mizzen.agent.admin import Admin
from mizzen.agent.child import Child
from mizzen.demo.judge import Outcome, judge_connection, judge_response, metric_faults, missing_reports
from mizzen.demo.scenario import ConnectionSpec, RequestSpec, Scenario, Step
from mizzen.readiness import MixerAddresses, ProxyAddresses
from mizzen.testing.echo import EchoBackend
from mizzen.testing.http import HttpResponse, send
from mizzen.testing.tcp import TcpBackend, ask
from mizzen.testing.waiting import wait_until

REPORT_SECONDS = 15.0


@dataclass(frozen=True)
class StageOptions:
    """Ports (0: any free one), the Envoy binary (None: the packaged one) and filter configurations (None: defaults).

    `client` and `tcp` open the proxy's ports for these. `echo`: the service sends back bytes and knows no HTTP.
    """

    port: int = 0
    admin_port: int = 0
    mixer_port: int = 0
    monitoring_port: int = 0
    service_port: int = 0
    client: bool = False
    tcp: bool = False
    echo: bool = False
    envoy: Path | None = None
    filter_config: Path | None = None
    client_filter_config: Path | None = None
    tcp_filter_config: Path | None = None
    node_id: str = "sidecar~127.0.0.1~echo-1.demo~demo.svc.cluster.local"


def options_for(folder: Path, scenario: Scenario, options: StageOptions) -> StageOptions:
    """The options, with the service, the ports and the filter configurations that an example's folder asks for."""
    server, client, tcp = (folder / name for name in ("filter.yaml", "client-filter.yaml", "tcp-filter.yaml"))
    return replace(
        options,
        client=client.exists() or any(step.request.via == "client" for step in scenario.steps),
        tcp=tcp.exists() or scenario.connects,
        echo=scenario.service == "echo",
        filter_config=server if server.exists() else None,
        client_filter_config=client if client.exists() else None,
        tcp_filter_config=tcp if tcp.exists() else None,
    )


class Stage:
    """Entering starts everything and waits until it serves; leaving stops everything, the proxy first."""

    def __init__(self, policies: Path, options: StageOptions | None = None) -> None:
        self.policies = policies
        self.options = options or StageOptions()
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mizzen-demo-")))
            self.service = self.make_service()
            stack.enter_context(self.service)
            self.mixer = stack.enter_context(Child(self.mixer_arguments(), self.directory / "mixer.log"))
            self.mixer_addresses = self.mixer.wait_for_line(MixerAddresses.from_line)
            self.proxy = stack.enter_context(Child(self.proxy_arguments(), self.directory / "proxy.log"))
            proxy = self.proxy.wait_for_line(ProxyAddresses.from_line)
            self.address = proxy.server or NOWHERE
            self.client_address = proxy.client or self.address
            self.tcp_address = proxy.tcp or NOWHERE
            self.admin = Admin(proxy.admin)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def make_service(self) -> EchoBackend | TcpBackend:
        port = self.options.service_port
        return TcpBackend(port=port) if self.options.echo else EchoBackend(port=port)

    def mixer_arguments(self) -> list[str]:
        ports = ["--port", str(self.options.mixer_port), "--monitoring-port", str(self.options.monitoring_port)]
        return ["mixer", "--config-dir", str(self.policies), *ports]

    def proxy_arguments(self) -> list[str]:
        options = self.options
        arguments = ["proxy", "-a", str(self.service.address), "-m", str(self.mixer_addresses.grpc)]
        arguments += ["-p", str(options.port), "--admin-port", str(options.admin_port), "--node-id", options.node_id]
        if options.client:
            arguments += ["--client-port", "0"]
        if options.tcp:
            arguments += ["--tcp-port", "0"]
        for flag, path in (
            ("--envoy", options.envoy),
            ("--filter-config", options.filter_config),
            ("--client-filter-config", options.client_filter_config),
            ("--tcp-filter-config", options.tcp_filter_config),
        ):
            if path is not None:
                arguments += [flag, str(path)]
        return arguments

    def perform(self, step: Step) -> Outcome:
        """Do what the step says, as often as it says, and judge the last answer."""
        if step.connection is not None:
            return judge_connection(step, self.converse(step.connection))
        return judge_response(step, self.send(step.request))

    def send(self, request: RequestSpec) -> HttpResponse:
        headers = tuple(request.headers.items())
        body = request.body.encode() if request.body else None
        for _ in range(request.times):
            response = send(self.side(request), request.path, method=request.method, headers=headers, body=body)
        return response

    def converse(self, connection: ConnectionSpec) -> bytes:
        for _ in range(connection.times):
            answer = ask(self.tcp_address, connection.send.encode(), source=str(connection.source))
        return answer

    def side(self, request: RequestSpec) -> HostPort:
        return self.client_address if request.via == "client" else self.address

    def command(self, step: Step) -> str:
        """The step as a command for a shell."""
        if step.connection is not None:
            text, source = step.connection.send, str(step.connection.source)
            to = [self.tcp_address.host, str(self.tcp_address.port)]
            return f"printf %b {shlex.quote(escaped(text))} | {shlex.join(['nc', '-N', '-s', source, *to])}"
        request = step.request
        words = ["curl", "-i", f"http://{self.side(request)}{request.path}"]
        if request.method != "GET":
            words[2:2] = ["-X", request.method]
        for name, value in request.headers.items():
            words += ["-H", f"{name}: {value}"]
        if request.body:
            words += ["-d", request.body]
        return shlex.join(words)

    def summary(self) -> str:
        """How many requests and connections were checked, and how many of them without asking the Mixer."""
        lines = []
        for family, things in (("http", "requests"), ("tcp", "connections")):
            prefix = f"mizzen.{family}_mixer_filter.total_check_"
            counts = self.admin.stats(prefix)
            calls, hits = counts.get(f"{prefix}calls", 0), counts.get(f"{prefix}cache_hits", 0)
            if calls:
                lines.append(
                    f"{calls} {things} checked, {hits} of them decided by the proxy's memory of earlier answers"
                )
        return "\n".join(lines)

    def report_lines(self) -> list[Mapping[str, Any]]:
        """The lines of JSON that the Mixer has printed: one per report, as the stdio adapter writes them."""
        return [json.loads(line) for line in list(self.mixer.lines) if line.startswith("{")]

    def metrics(self) -> str:
        return send(self.mixer_addresses.monitoring, "/metrics").text

    def telemetry_faults(self, scenario: Scenario) -> list[str]:
        """What is still missing of the expected reports and metrics after waiting up to 15 s; empty when all came."""
        try:
            wait_until(lambda: not self.telemetry_missing(scenario), "reports", REPORT_SECONDS)
        except TimeoutError:
            return self.telemetry_missing(scenario)
        return []

    def telemetry_missing(self, scenario: Scenario) -> list[str]:
        missing = [f"no report with {dict(wanted)}" for wanted in missing_reports(scenario, self.report_lines())]
        return missing + (metric_faults(scenario, self.metrics()) if scenario.metrics else [])


def escaped(text: str) -> str:
    """The text as `printf %b` takes it, on one line."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
