"""What the Mixer costs: CPU of its processes per Check and per record of a Report, over gRPC, by number of rules.

One Mixer with Istio's default metrics and a small policy (`policies/`), one that generates attributes of workloads
besides (`generated/`), and three with 10, 1,000 and 10,000 rules more, each on a host of its own. h2load drives them in
turn, round after round, on four connections with sixteen calls each. What clients get is compared with a known answer
first, and the Mixer's own counters must agree with h2load afterwards.
"""

from __future__ import annotations

import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
from load import cpu_seconds, install
from traffic import RECORDS, check_attributes, report_records, write_bodies

from mizzen.mixer.expr import BUILTIN, RecordedAttributes, Vocabulary, compile_expression
from mizzen.testing import MixerProcess
from mizzen.wire import CheckCall, encode_check_request, encode_report_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

POLICIES = Path(__file__).parent / "policies"
GENERATED = Path(__file__).parent / "generated"
CONNECTIONS, STREAMS = 4, 16
GOALS = {"check": 20_000, "report, 1 group": 60_000, "report, 20 groups": 60_000}
RULES = (10, 1_000, 10_000)
EXPRESSIONS = (
    'context.protocol == "http"',
    'destination.service.host | "unknown"',
    'context.protocol == "http" && match(request.useragent | "-", "kube-probe*") == false',
    'request.headers["x-request-id"] | "none"',
)


@dataclass(frozen=True)
class Cost:
    """One run: calls answered, how long they took, what the Mixer's processes spent."""

    calls: int
    seconds: float
    cpu_seconds: float

    def cpu_us(self, per_call: int = 1) -> float:
        return self.cpu_seconds / (self.calls * per_call) * 1e6


def many_rules(count: int) -> str:
    """So many rules for hosts that are not asked for, and the one that is."""
    rule = (
        "kind: rule\nmetadata: {{name: host-{0}}}\nspec:\n"
        '  match: destination.service.host == "{1}" && (request.headers["x-debug"] | "off") != "off"\n'
        "  actions: [{{handler: refuse.denier, instances: [nothing.checknothing]}}]\n"
    )
    hosts = [f"svc-{number}.shop.svc.cluster.local" for number in range(count - 1)]
    hosts.append("cart.shop.svc.cluster.local")
    return "---\n".join(rule.format(number, host) for number, host in enumerate(hosts))


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(descendant for child in children for descendant in family(int(child)))]


def spent(pid: int) -> float:
    return sum(cpu_seconds(one) for one in family(pid))


def drive(mixer: MixerProcess, pid: int, method: str, body: Path, seconds: float) -> Cost:
    """Let h2load call the Mixer for `seconds`."""
    command = [shutil.which("h2load") or "h2load", f"-c{CONNECTIONS}", f"-m{STREAMS}", "-t1"]
    command += [f"-D{max(1, round(seconds))}", "-d", str(body)]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    url = f"http://{mixer.address.host}:{mixer.address.port}/istio.mixer.v1.Mixer/{method}"
    before, answered = spent(pid), served(mixer)
    started = time.monotonic()
    output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    elapsed = time.monotonic() - started
    cpu, calls = spent(pid) - before, served(mixer) - answered
    told = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", output)
    if told is None or int(told[2]) + int(told[3]) or calls < int(told[1]):
        raise RuntimeError(f"the Mixer answered {calls} calls; h2load says: {output}")
    return Cost(calls, elapsed, cpu)


def served(mixer: MixerProcess) -> int:
    """Calls that the Mixer answered without an error, by its own counters."""
    address = f"http://{mixer.monitoring.host}:{mixer.monitoring.port}/metrics"
    with urllib.request.urlopen(address, timeout=10) as response:
        text = response.read().decode()
    values = dict(re.findall(r"^(mizzen_mixer_\S+) (\S+)$", text, re.MULTILINE))
    failed = sum(float(value) for name, value in values.items() if name.startswith("mizzen_mixer_call_failures_total"))
    return int(float(values["mizzen_mixer_front_calls_total"]) - failed)


def verify(mixer: MixerProcess) -> None:
    """A stock gRPC client gets the answers that the policy means, and the metrics count what was reported."""
    with grpc.insecure_channel(f"{mixer.address.host}:{mixer.address.port}") as channel:
        stub = mixer_pb2_grpc.MixerStub(channel)
        denied = check_attributes() | {"request.headers": {"x-debug": "on"}, "source.namespace": "shop"}
        for attributes, code in ((check_attributes(), 0), (denied, 7)):
            request = mixer_pb2.CheckRequest.FromString(encode_check_request(attributes))
            found = stub.Check(request, timeout=10).precondition.status.code
            if found != code:
                raise RuntimeError(f"the Mixer decides {found}, not {code}")
        stub.Report(mixer_pb2.ReportRequest.FromString(encode_report_request(report_records(20))), timeout=10)
    address = f"http://{mixer.monitoring.host}:{mixer.monitoring.port}/metrics"
    with urllib.request.urlopen(address, timeout=10) as response:
        text = response.read().decode()
    counted = [float(value) for value in re.findall(r"^istio_requests_total\{.*\} (\S+)$", text, re.MULTILINE)]
    if len(counted) != 20 or sum(counted) != RECORDS:
        raise RuntimeError(f"the Mixer counted {counted}")


def expression_costs() -> list[str]:
    """CPU of one evaluation of some conditions, tracked, in this process."""
    vocabulary = Vocabulary(BUILTIN)
    call = CheckCall(encode_check_request(check_attributes()))
    lines = []
    for text in EXPRESSIONS:
        expression = compile_expression(text, vocabulary)
        expression.evaluate(RecordedAttributes(check_attributes()))
        best = min(timed(lambda run=expression.evaluate: run(call), 20_000) for _ in range(5))
        lines.append(f"  {best:6.2f} µs   {text}")
    return lines


def timed(function: object, times: int) -> float:
    """CPU µs of one call."""
    assert callable(function)
    start = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - start) / times * 1e6


def run(rounds: int, seconds: float) -> str:
    """The table of medians of all rounds."""
    install("h2load", "nghttp2-client")
    files = {path.name: path.read_text() for path in POLICIES.glob("*.yaml")}
    with ExitStack() as stack:
        bodies = write_bodies(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        variants: dict[str, tuple[Mapping[str, str], str]] = {
            "check": (files, "check"),
            "report, 1 group": (files, "report, 1 group"),
            "report, 20 groups": (files, "report, 20 groups"),
        }
        generating = files | {"generated.yaml": (GENERATED / "attributes.yaml").read_text()}
        for body in ("report, 1 group", "report, 20 groups"):
            variants[f"{body}, generated"] = (generating, body)
        for count in RULES:
            variants[f"check, {count:,} rules more"] = (files | {"many.yaml": many_rules(count)}, "check")
        running: dict[int, tuple[MixerProcess, int]] = {}
        for configured, _ in variants.values():
            if id(configured) not in running:
                mixer = stack.enter_context(MixerProcess(configured, ["--adapter-dir", str(GENERATED)]))
                verify(mixer)
                running[id(configured)] = (mixer, mixer.child.pid)
        costs: dict[str, list[Cost]] = {name: [] for name in variants}
        for number in range(rounds + 1):
            for name, (configured, body) in variants.items():
                mixer, pid = running[id(configured)]
                method = "Check" if body == "check" else "Report"
                cost = drive(mixer, pid, method, bodies[body], seconds if number else 1.0)
                if number:  # the first round warms up
                    costs[name].append(cost)
    return "\n".join([*table(costs, rounds, seconds), "Expressions, tracked:", *expression_costs()])


def table(costs: Mapping[str, list[Cost]], rounds: int, seconds: float) -> list[str]:
    lines = [
        f"mixer: {rounds} alternating rounds of {seconds:g} s, {CONNECTIONS} connections of {STREAMS} calls, "
        f"{platform.machine()}, Python {platform.python_version()}",
        f"{'':<31} {'CPU µs':>8} {'per core':>12} {'elapsed':>12}",
    ]
    for name, measured in costs.items():
        unit = RECORDS if name.startswith("report") else 1
        word = "records/s" if unit > 1 else "checks/s"
        cpu = statistics.median(cost.cpu_us(unit) for cost in measured)
        rate = statistics.median(cost.calls * unit / cost.seconds for cost in measured)
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"   goal {goal:,}: {'met' if 1e6 / cpu >= goal else 'MISSED'}"
        lines.append(f"{name:<31} {cpu:>8.2f} {1e6 / cpu:>12,.0f} {rate:>12,.0f} {word}{verdict}")
    few, many = (costs[f"check, {count:,} rules more"] for count in (RULES[0], RULES[1]))
    ratio = statistics.median(b.cpu_us() / a.cpu_us() for a, b in zip(few, many, strict=True))
    verdict = "met" if ratio <= 1.2 else "MISSED"
    lines.append(f"a Check with {RULES[1]:,} rules costs {ratio:.2f} × one with {RULES[0]} (goal 1.2: {verdict})")
    return lines
