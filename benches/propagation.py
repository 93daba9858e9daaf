"""How long a policy change takes: from a rule file saved to the rule enforced on every connection, under load.

A real Mixer and a real proxy with two workers. Clients on connections of their own ask without pause for the same few
decisions, which the proxy remembers for as long as a test could last, so that only the Mixer's word that its
configuration has changed can end them. A change counts as enforced when every client has met it; from then on no client
may meet the older policy again.
"""

from __future__ import annotations

import http.client
import platform
import statistics
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mizzen.agent.address import HostPort
from mizzen.testing import EchoBackend, MixerProcess, ProxyProcess

CLIENTS = 8
CHANGES = 120
GOAL_MS = 1500.0
LIMIT_SECONDS = 20.0
DENIED, ALLOWED = 403, 200
POLICY = (Path(__file__).parent / "policies" / "gate.yaml").read_text(encoding="utf-8")
# The Mixer is heard only when it answers. With full batches that is often; the worst case is one report a second.
VARIANTS = {
    "reports when a batch is full (100 entries) or 1 s old": {"report_batch_max_time": "1s"},
    "reports once a second only": {"report_batch_max_time": "1s", "report_batch_max_entries": 1_000_000},
}


def policy(denied: bool) -> str:
    """A rule for the clients' team, or for one that nobody is in."""
    return POLICY.replace('"nobody"', '"blue"') if denied else POLICY


class Client:
    """Asks on one connection again and again, and notes when it last met each of the two answers first."""

    def __init__(self, address: HostPort) -> None:
        self.address = address
        self.status = 0
        self.since = 0.0
        self.requests = 0
        self.stopped = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.address.host, self.address.port, timeout=LIMIT_SECONDS)
        try:
            while not self.stopped.is_set():
                connection.request("GET", "/", headers={"x-team": "blue"})
                response = connection.getresponse()
                response.read()
                if response.status != self.status:
                    self.since = time.monotonic()
                    self.status = response.status
                self.requests += 1
        except BaseException as error:
            self.failure = error
        finally:
            connection.close()


def enforced(clients: list[Client], status: int, saved: float) -> float:
    """Seconds from `saved` until the last client met `status`; raises if that takes too long or a client failed."""
    while any(client.status != status for client in clients):
        failed = [client.failure for client in clients if client.failure]
        if failed or time.monotonic() - saved > LIMIT_SECONDS:
            raise RuntimeError(f"not enforced: {[client.status for client in clients]} {failed}")
        time.sleep(0.002)
    return max(client.since for client in clients) - saved


def measure(proxy: ProxyProcess, mixer: MixerProcess, changes: int) -> tuple[list[float], float]:
    """Seconds of each change, and requests per second meanwhile."""
    clients = [Client(proxy.address) for _ in range(CLIENTS)]
    for client in clients:
        client.thread.start()
    times = []
    try:
        enforced(clients, ALLOWED, time.monotonic())
        started, before = time.monotonic(), sum(client.requests for client in clients)
        for change in range(changes):
            # not in step with the reports' second
            time.sleep(0.05 + 0.137 * (change % 7))
            denied = change % 2 == 0
            mixer.save("policy.yaml", policy(denied))
            saved = time.monotonic()
            times.append(enforced(clients, DENIED if denied else ALLOWED, saved))
            met = max(client.since for client in clients)
            time.sleep(0.05)
            if any(client.since > met for client in clients):
                raise RuntimeError("a client met the older policy after it was replaced everywhere")
        rate = (sum(client.requests for client in clients) - before) / (time.monotonic() - started)
    finally:
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.thread.join()
    return times, rate


def run(rounds: int, seconds: float) -> str:
    """The table; `rounds` and `seconds` do not apply: at least a hundred changes make a p99."""
    lines = [
        f"Policy changes, saved → enforced ({platform.machine()}, {CHANGES} changes, {CLIENTS} clients, two workers)"
    ]
    for name, transport in VARIANTS.items():
        times, rate = run_variant(transport)
        millis = sorted(1000 * value for value in times)
        p50, p99 = statistics.median(millis), statistics.quantiles(millis, n=100)[98]
        verdict = "met" if p99 <= GOAL_MS else "MISSED"
        lines.append(f"  {name}, {rate:.0f} requests/s:")
        lines.append(
            f"    p50 {p50:.0f} ms, p99 {p99:.0f} ms (goal {GOAL_MS:.0f} ms: {verdict}), max {millis[-1]:.0f} ms"
        )
    return "\n".join(lines)


def run_variant(transport: Mapping[str, Any]) -> tuple[list[float], float]:
    config = {"default_destination_service": "d", "service_configs": {"d": {}}, "transport": transport}
    with (
        EchoBackend() as backend,
        MixerProcess({"policy.yaml": policy(denied=False)}) as mixer,
        ProxyProcess(backend.address, mixer.address, filter_config=config, concurrency=2) as proxy,
    ):
        return measure(proxy, mixer, CHANGES)
