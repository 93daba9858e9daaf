"""What holds between the counters after every kind of traffic at once, and what gauges and the histogram tell."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from mizzen.testing import CheckAnswer, EchoBackend, FakeMixer, ProxyProcess, Reference, send, wait_until
from mizzen.testing.mixer import ReceivedCheck

PREFIX = "mizzen.http_mixer_filter."
SIZES = ("check_cache_entries", "quota_pools", "remote_calls_active", "check_joins_active")
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture(scope="module")
def filter_config() -> Mapping[str, Any]:
    fail = {"policy": "FAIL_OPEN", "max_retry": 2, "base_retry_wait": "0.01s", "max_retry_wait": "0.05s"}
    clause = {"clause": {"request.path": {"prefix": "/quota"}}}
    quota = [{"rules": [{"match": [clause], "quotas": [{"quota": "q", "charge": 1}]}]}]
    transport = {"network_fail_policy": fail, "rpc_timeout": "0.5s", "report_batch_max_time": "0.02s"}
    return {
        "default_destination_service": "d",
        "service_configs": {"d": {"quota_spec": quota}},
        "transport": {**transport, "check_cache_entries": 20},
    }


@pytest.fixture(scope="module")
def proxy(backend: EchoBackend, mixer: FakeMixer, filter_config: Mapping[str, Any]) -> Iterator[ProxyProcess]:
    with ProxyProcess(backend.address, mixer.address, filter_config=filter_config, concurrency=2) as process:
        yield process


def counts(proxy: ProxyProcess) -> dict[str, int]:
    return {name.removeprefix(PREFIX): value for name, value in proxy.stats(PREFIX).items()}


def answer(check: ReceivedCheck) -> CheckAnswer:
    """By the path: some remembered, some refused, some late, some failed, some granted tokens."""
    path = str(check.attributes["request.path"])
    more: dict[str, Any] = {"grant_all": True, "references": [Reference("request.path")]}
    if path.startswith("/fails"):
        return CheckAnswer(grpc_code=grpc.StatusCode.UNAVAILABLE)
    if path.startswith("/denied"):
        return CheckAnswer(7, uses=5, **more)
    if path.startswith("/late"):
        return CheckAnswer(delay=0.05, uses=3, valid_for=0.2, **more)
    if path.startswith("/silent"):
        return CheckAnswer(delay=5.0)
    return CheckAnswer(uses=10, **more)


def one(proxy: ProxyProcess, path: str) -> None:
    if path != "/leaves":
        send(proxy.address, path)
        return
    with socket.create_connection((proxy.address.host, proxy.address.port)) as client:
        client.sendall(b"GET /late/leaves HTTP/1.1\r\nhost: h\r\n\r\n")
        time.sleep(0.01)


def test_the_counters_agree_after_mixed_traffic(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = answer
    chance = random.Random(7)
    kinds = ["/plain", "/denied", "/late", "/quota", "/fails", "/leaves", "/silent"]
    weights = [30, 10, 20, 20, 5, 5, 1]
    paths = [f"{kind}/{chance.randrange(12)}" for kind in chance.choices(kinds, weights, k=400)]
    paths = [path if not path.startswith("/leaves") else "/leaves" for path in paths]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: one(proxy, path), paths))
    fresh_mixer.wait_for_reports(400)

    def settled() -> bool:
        now = counts(proxy)
        return now["total_report_calls"] == 400 and now["remote_calls_active"] == 0 == now["check_joins_active"]

    wait_until(settled, "the end of all calls")
    now = {name.removeprefix("total_"): value for name, value in counts(proxy).items()}
    assert now["check_calls"] == 400 == now["check_cache_hits"] + now["check_cache_misses"]
    assert now["check_cache_hits"] == now["check_cache_hit_accepts"] + now["check_cache_hit_denies"]
    assert now["remote_check_calls"] == now["check_cache_misses"] - now["check_joins"] + now["check_join_misses"]
    assert now["quota_calls"] == now["quota_cache_hits"] + now["quota_cache_misses"]
    assert now["quota_cache_hits"] == now["quota_cache_hit_accepts"] + now["quota_cache_hit_denies"]
    assert now["remote_quota_calls"] == now["quota_cache_misses"] + now["remote_quota_prefetch_calls"]
    ends = ("successes", "timeouts", "send_errors", "other_errors", "cancellations")
    ended = sum(now[f"remote_call_{end}"] for end in ends)
    # a client that leaves between two attempts ends the retries without another end
    assert 0 <= now["remote_calls"] + now["remote_call_retries"] - ended <= paths.count("/leaves")
    assert now["remote_calls"] == now["remote_check_calls"] + now["remote_quota_prefetch_calls"]
    for moved in ("check_cache_hits", "check_cache_hit_denies", "quota_cache_hits", "remote_quota_prefetch_calls"):
        assert now[moved] > 0, moved
    for moved in ("remote_call_timeouts", "remote_call_other_errors", "remote_call_retries", "check_fail_open"):
        assert now[moved] > 0, moved


def test_the_gauges_tell_what_is_held(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = answer
    for number in range(60):
        send(proxy.address, f"/plain/size/{number}")
    # twenty decisions per worker; of the two one may have served nearly everything
    wait_until(lambda: 20 <= counts(proxy)["check_cache_entries"] <= 40, "full caches")
    assert counts(proxy)["total_check_cache_evictions"] > 0
    for _ in range(4):
        send(proxy.address, "/quota/size")
    wait_until(lambda: counts(proxy)["quota_pools"] > 0, "a pool")


def test_the_histogram_tells_how_long_requests_were_held(backend: EchoBackend, fresh_mixer: FakeMixer) -> None:
    """Envoy gathers histograms every five seconds; a remembered decision holds nothing."""
    name = f"envoy_{PREFIX.replace('.', '_')}check_latency_us"
    fresh_mixer.on_check = CheckAnswer(delay=0.15, uses=100, references=[Reference("request.path")])
    with ProxyProcess(backend.address, fresh_mixer.address) as process:

        def value(line: str) -> int:
            text = process.admin.get("/stats/prometheus")
            return next((int(found.split()[-1]) for found in text.splitlines() if found.startswith(name + line)), 0)

        for _ in range(5):
            assert send(process.address, "/held").status == 200
        wait_until(lambda: value("_count"), "the histogram", 15)
        assert (value("_count"), value('_bucket{le="100000"}'), value('_bucket{le="1800000"}')) == (1, 0, 1)


def test_the_documentation_lists_every_metric(proxy: ProxyProcess) -> None:
    page = PAGE.read_text()
    names = {name.split(".")[-1] for name in proxy.stats("mizzen.")} | {"check_latency_us"}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_prometheus_has_every_metric_from_the_start(backend: EchoBackend, mixer: FakeMixer) -> None:
    with ProxyProcess(backend.address, mixer.address) as process:
        text = process.admin.get("/stats/prometheus")
        assert all(f"\nenvoy_{name.replace('.', '_')}{{}} 0\n" in text for name in process.stats("mizzen."))
        assert {PREFIX + size for size in SIZES} <= set(process.stats(PREFIX))
