"""Every way in which asking the Mixer fails, under every fail policy: what client, report and counters show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from mizzen.testing import (
    CheckAnswer,
    CloseConnection,
    ClosingServer,
    EchoBackend,
    FakeMixer,
    ProxyProcess,
    ScriptedHttp2,
    SendData,
    SendHeaders,
    SendReset,
    send,
    unused_port,
)
from mizzen.testing.http2 import Step

COUNTERS = "mizzen.http_mixer_filter."
ROWS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("mixer_failures.yaml").read_text())
# Mode: the transport's policy, and the path on which a service's own policy, if any, replaces it.
MODES = {
    "open": ("FAIL_OPEN", "/", True),
    "close": ("FAIL_CLOSE", "/", False),
    "service-open": ("FAIL_CLOSE", "/service-FAIL_OPEN/", True),
    "service-close": ("FAIL_OPEN", "/service-FAIL_CLOSE/", False),
}
RETRIES = {"open": 1, "close": 1, "service-open": 2, "service-close": 2}
GRPC = ((":status", "200"), ("content-type", "application/grpc"))


class Peers:
    """The Mixers that are asked, and the proxy before them."""

    def __init__(self, asked: FakeMixer, scripted: ScriptedHttp2, proxy: ProxyProcess) -> None:
        self.asked = asked
        self.scripted = scripted
        self.proxy = proxy
        self.listeners = proxy.admin.listeners()

    def prepare(self, row: dict[str, Any]) -> None:
        self.asked.forget()
        answer: Any = row.get("answer")
        if row["mixer"] == "asked":
            code = grpc.StatusCode[answer["grpc_code"]] if "grpc_code" in answer else None
            self.asked.on_check = CheckAnswer(**{**answer, "grpc_code": code})
        elif row["mixer"] == "scripted":
            self.scripted.script = [step(item) for item in answer]


def step(item: dict[str, Any] | str) -> Step:
    if isinstance(item, str):
        assert item == "close"
        return CloseConnection()
    if "reset" in item:
        return SendReset(item["reset"])
    if "data" in item:
        return SendData(item["data"].encode("latin-1"), item.get("end", False))
    fields = GRPC if item["headers"] == "grpc" else [(name, value) for name, value in item["headers"]]
    return SendHeaders(fields, item.get("end", False))


@pytest.fixture(scope="module")
def peers(backend: EchoBackend, mixer: FakeMixer) -> Iterator[Peers]:
    template = Path(__file__).with_name("mixer_failures_template.yaml").read_text()
    with FakeMixer() as asked, ScriptedHttp2() as scripted, ClosingServer() as closing:
        ports = {"ASKED": asked.address.port, "SCRIPTED": scripted.address.port, "CLOSING": closing.address.port}
        for name, port in {**ports, "REFUSED": unused_port()}.items():
            template = template.replace(f"{name}_PORT", str(port))
        with ProxyProcess(backend.address, mixer.address, template=template) as process:
            yield Peers(asked, scripted, process)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_the_fail_policy_decides_and_everything_tells(
    row: dict[str, Any], mode: str, peers: Peers, fresh_mixer: FakeMixer
) -> None:
    policy, prefix, passes = MODES[mode]
    decides = row.get("policy", True)
    status, text = row.get("open", [200, ""]) if passes else row["closed"]
    retries = RETRIES[mode] if row.get("retried", True) else 0
    path = f"{prefix}{row['name']}"
    peers.prepare(row)
    before = peers.proxy.stats(COUNTERS)

    response = send(peers.listeners[f"{row['mixer']}-{policy}"], path)
    assert response.status == status
    assert response.text.startswith(text or "{")

    report = fresh_mixer.wait_for_report("request.path", path)
    assert report["response.code"] == status
    assert report["check.cache_hit"] is False
    assert report.get("check.error_message") == (response.text if text else None)
    assert report["context.proxy_error_code"] == ("UAEX" if text else "-")

    expected = dict.fromkeys(("successes", "timeouts", "send_errors", "other_errors", "cancellations"), 0)
    expected[row["counted"]] = retries + 1
    counts = {f"total_remote_call_{name}": count for name, count in expected.items()} | {
        "total_check_calls": 1,
        "total_check_cache_misses": 1,
        "total_remote_calls": 1,
        "total_remote_call_retries": retries,
        "total_remote_check_accepts": int(status == 200),
        "total_remote_check_denies": int(status != 200),
        "total_check_fail_open": int(decides and passes),
        "total_check_fail_close": int(decides and not passes),
    }
    peers.proxy.wait_for_stats({COUNTERS + name: count for name, count in counts.items()}, before)


ASKED = [row for row in ROWS if row["mixer"] == "asked" and row.get("policy", True)]


@pytest.mark.parametrize("row", ASKED, ids=[row["name"] for row in ASKED])
def test_a_failure_is_not_remembered(row: dict[str, Any], peers: Peers) -> None:
    """The same request right after a failure asks again, and a Mixer that works then decides."""
    listener = peers.listeners["asked-FAIL_CLOSE"]
    peers.prepare({**row, "answer": {"uses": 100, **row["answer"]}})
    assert send(listener, "/again").status == row["closed"][0]
    peers.asked.on_check = CheckAnswer()
    assert send(listener, "/again").status == 200


def test_the_documentation_lists_every_cause() -> None:
    page = Path(__file__).parents[2] / "docs" / "failures.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    for row in ROWS:
        [line] = [line for line in rows if f"`{row['name']}`" in line]
        assert row["cause"] in line
        assert str(row["closed"][0]) in line
        assert row["counted"] in line
