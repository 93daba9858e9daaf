"""Quotas of the filter's configuration are asked for with the Check and kept in pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mizzen.testing import CheckAnswer, FakeMixer, ProxyProcess, QuotaAnswer, Reference, send


@pytest.fixture(scope="module")
def filter_config(transport: Mapping[str, Any]) -> Mapping[str, Any]:
    rules = [
        {
            "match": [{"clause": {"request.url_path": {"prefix": "/limited/"}}}],
            "quotas": [{"quota": "calls", "charge": 1}],
        }
    ]
    return {
        "default_destination_service": "d",
        "service_configs": {"d": {"quota_spec": [{"rules": rules}]}},
        "transport": transport,
    }


def test_a_request_that_no_rule_matches_asks_for_no_quota(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/free").status == 200
    assert fresh_mixer.checks[0].quotas == {}


def test_an_exhausted_quota_is_a_429(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(quotas={"calls": QuotaAnswer(0)})
    response = send(proxy.address, "/limited/none")
    assert (response.status, response.text) == (429, "RESOURCE_EXHAUSTED:Quota is exhausted for: calls")
    assert fresh_mixer.checks[0].quotas == {"calls": (1, False)}
    bag = fresh_mixer.wait_for_report("request.path", "/limited/none")
    assert (bag["response.code"], bag["check.error_code"]) == (429, 8)


def test_a_granted_quota_passes(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    fresh_mixer.on_check = CheckAnswer(grant_all=True)
    assert send(proxy.address, "/limited/granted").status == 200
    assert send(proxy.address, "/limited/granted").status == 200
    assert [check.quotas for check in fresh_mixer.checks] == [{"calls": (1, False)}] * 2


def test_a_pool_is_filled_in_advance_once_the_decision_is_cached(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    place = [Reference("request.path")]
    fresh_mixer.on_check = lambda check: CheckAnswer(
        uses=-1,
        references=place,
        quotas={name: QuotaAnswer(amount, 60, place) for name, (amount, _) in check.quotas.items()},
    )
    for _ in range(6):
        assert send(proxy.address, "/limited/pool").status == 200
    checks = fresh_mixer.wait_for_checks(2)
    assert [check.quotas for check in checks] == [{"calls": (1, False)}, {"calls": (10, True)}]


def test_a_mixer_that_knows_no_quota_lets_pass(proxy: ProxyProcess, fresh_mixer: FakeMixer) -> None:
    assert send(proxy.address, "/limited/unknown").status == 200
