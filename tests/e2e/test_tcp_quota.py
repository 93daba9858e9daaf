"""A TCP connection is charged once, with its Check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, QuotaAnswer, Reference
from mizzen.testing.tcp import carries_data


@pytest.fixture(scope="module")
def tcp_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    match = [{"clause": {"context.protocol": {"exact": "tcp"}}}]
    rules = [{"match": match, "quotas": [{"quota": "connections", "charge": 1}]}]
    return {"transport": transport, "connection_quota_spec": {"rules": rules}}


def test_a_granted_quota_passes(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(grant_all=True)
    assert carries_data(tcp_proxy.tcp_address)
    assert [check.quotas for check in quiet_mixer.checks] == [{"connections": (1, False)}]


def test_an_exhausted_quota_closes_the_connection(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    quiet_mixer.on_check = CheckAnswer(quotas={"connections": QuotaAnswer(0)})
    assert not carries_data(tcp_proxy.tcp_address)
    report = quiet_mixer.wait_for_report("connection.event", "close")
    assert report["check.error_code"] == 8
    assert report["check.error_message"] == "RESOURCE_EXHAUSTED:Quota is exhausted for: connections"


def test_a_pool_decides_once_the_decision_is_cached(tcp_proxy: ProxyProcess, quiet_mixer: FakeMixer) -> None:
    place = [Reference("source.ip")]
    quiet_mixer.on_check = lambda check: CheckAnswer(
        uses=-1,
        references=place,
        quotas={name: QuotaAnswer(amount, 60, place) for name, (amount, _) in check.quotas.items()},
    )
    assert [carries_data(tcp_proxy.tcp_address) for _ in range(6)] == [True] * 6
    checks = quiet_mixer.wait_for_checks(2)
    assert [check.quotas for check in checks] == [{"connections": (1, False)}, {"connections": (10, True)}]
    assert any(bag.get("quota.cache_hit") for bag in quiet_mixer.wait_for_reports(12))
