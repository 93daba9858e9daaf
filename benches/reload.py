"""What a change of the configuration costs, by number of rules: until it is in force, in CPU, and to Checks meanwhile.

All rules stand in one file, which is saved again and again with one of them changed, while h2load sends Checks at a
constant rate. A second client asks what that rule decides, every two milliseconds, until the answer changes. h2load's
own log says when each Check began and how long it took, so that those that met a reload are told from the others.
"""

from __future__ import annotations

import platform
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from load import install
from traffic import check_attributes, write_bodies

from mixer import POLICIES, many_rules, spent
from mizzen.testing import MixerProcess
from mizzen.wire import encode_check_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

RULES = (10, 1_000, 10_000)
CONNECTIONS, STREAMS, CALLS_PER_SECOND = 4, 16, 500
GOAL_MS = 200.0
EVERY_SECONDS = 0.5
LIMIT_SECONDS = 30.0
GATE = """\
kind: rule
metadata: {{name: host-5-gate}}
spec:
  match: (request.headers["x-gate"] | "") == "{word}"
  actions: [{{handler: refuse.denier, instances: [nothing.checknothing]}}]
---
"""


@dataclass
class Reloads:
    """Times of reloads (from, until, in seconds since 1970) and the CPU seconds that some of them took alone."""

    windows: list[tuple[float, float]] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def enforced_ms(self) -> list[float]:
        return [1000 * (until - since) for since, until in self.windows]


class Gate:
    """The rule that is changed: it refuses what carries the word that it names."""

    def __init__(self, mixer: MixerProcess, rules: int) -> None:
        self._mixer = mixer
        self._others = many_rules(rules - 1)
        self._closed = False
        channel = grpc.insecure_channel(f"{mixer.address.host}:{mixer.address.port}")
        self._ask = mixer_pb2_grpc.MixerStub(channel).Check
        self._request = mixer_pb2.CheckRequest.FromString(
            encode_check_request(check_attributes() | {"request.headers": {"x-gate": "open"}})
        )

    def change(self) -> tuple[float, float]:
        """Saves the file with the rule changed; when, and when the change was in force."""
        self._closed = not self._closed
        saved = time.time()
        self._mixer.save("many.yaml", GATE.format(word="open" if self._closed else "-") + self._others)
        while (self._ask(self._request, timeout=10).precondition.status.code == 7) is not self._closed:
            if time.time() - saved > LIMIT_SECONDS:
                raise RuntimeError("the change is not in force")
            time.sleep(0.002)
        return saved, time.time()


def drive(mixer: MixerProcess, body: Path, seconds: float) -> list[tuple[float, float]]:
    """When each Check began, in seconds since 1970, and how many milliseconds it took."""
    with tempfile.NamedTemporaryFile() as log:
        command = [shutil.which("h2load") or "h2load", f"-c{CONNECTIONS}", f"-m{STREAMS}", "-t1"]
        command += [f"-D{max(1, round(seconds))}", f"--rps={CALLS_PER_SECOND}", "-d", str(body)]
        command += ["-H", "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log.name}"]
        url = f"http://{mixer.address.host}:{mixer.address.port}/istio.mixer.v1.Mixer/Check"
        subprocess.run([*command, url], check=True, capture_output=True, text=True)
        rows = [line.split("\t") for line in Path(log.name).read_text().splitlines()]
    return [(int(begun) / 1e6, int(took) / 1e3) for begun, status, took in rows if status == "200"]


def measure(mixer: MixerProcess, gate: Gate, body: Path, seconds: float) -> tuple[Reloads, list[float], list[float]]:
    """The reloads, and the milliseconds of Checks without and with one under way."""
    reloads, stopped = Reloads(), threading.Event()
    for _ in range(3):
        before = spent(mixer.child.pid)
        gate.change()
        time.sleep(EVERY_SECONDS)  # what goes on after the change is in force counts too
        reloads.cpu_seconds.append(spent(mixer.child.pid) - before)

    def change() -> None:
        while not stopped.wait(EVERY_SECONDS):
            reloads.windows.append(gate.change())

    quiet = [took for _, took in drive(mixer, body, seconds)]
    changing = threading.Thread(target=change)
    changing.start()
    checks = drive(mixer, body, seconds)
    stopped.set()
    changing.join()
    met = [took for begun, took in checks if is_within(begun, took / 1000, reloads.windows)]
    return reloads, quiet, met


def is_within(begun: float, took: float, windows: Iterable[tuple[float, float]]) -> bool:
    return any(begun < until and begun + took > since for since, until in windows)


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """p50 and p99."""
    parts = statistics.quantiles(values, n=100)
    return parts[49], parts[98]


def run(rounds: int, seconds: float) -> str:
    """The table. Each round measures every number of rules once; percentiles are over all rounds."""
    install("h2load", "nghttp2-client")
    files = {path.name: path.read_text() for path in POLICIES.glob("*.yaml")}
    lines = [
        f"reload: {rounds} rounds of {seconds:g} s, {CONNECTIONS * CALLS_PER_SECOND:,} Checks/s, one rule changed each "
        f"{EVERY_SECONDS:g} s, {platform.machine()}, Python {platform.python_version()}",
        f"{'rules':>7} {'first load':>11} {'saved → in force, p50 p99':>26} {'CPU':>8} "
        f"{'Check, p50 p99':>16} {'meanwhile, p50 p99 max':>25}",
    ]
    with ExitStack() as stack:
        body = write_bodies(Path(stack.enter_context(tempfile.TemporaryDirectory())))["check"]
        for count in RULES:
            started = time.monotonic()
            text = GATE.format(word="-") + many_rules(count - 1)
            with MixerProcess(files | {"many.yaml": text}) as mixer:
                ready = time.monotonic() - started
                gate = Gate(mixer, count)
                found = [measure(mixer, gate, body, seconds) for _ in range(rounds)]
            enforced = [one for reloads, _, _ in found for one in reloads.enforced_ms()]
            cpu = statistics.median(one for reloads, _, _ in found for one in reloads.cpu_seconds)
            quiet = [one for _, some, _ in found for one in some]
            met = [one for _, _, some in found for one in some]
            p50, p99 = percentiles(enforced)
            columns = (
                "{:>7,} {:>9.2f} s {:>18.0f} {:>4.0f} ms {:>5.0f} ms {:>7.2f} {:>5.2f} ms {:>8.2f} {:>5.2f} {:>5.1f} ms"
            )
            verdict = "met" if p99 <= GOAL_MS else "MISSED"
            row = columns.format(count, ready, p50, p99, cpu * 1000, *percentiles(quiet), *percentiles(met), max(met))
            lines.append(f"{row}   goal {GOAL_MS:.0f} ms: {verdict}")
    return "\n".join(lines)
