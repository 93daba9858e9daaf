"""What callers see while a handler cannot answer, for each failure policy: the table of docs/adapter-sdk.md."""

from __future__ import annotations

from typing import Any

import pytest

from mizzen.mixer.runtime import CallError
from mizzen.wire import QuotaParams

from .stage import Stage

POLICIES = ["FAIL_CALL", "FAIL_OPEN", "FAIL_CLOSE"]
HANDLER = "h.handler.istio-system"
BROKEN = "h.istio-system: broken"

RULE = """\
kind: handler
metadata: {name: h}
spec: {compiledAdapter: scripted, params: {fails: broken, output: {source_pod_name: x}}}
---
{kind: checknothing, metadata: {name: check}}
---
{kind: quota, metadata: {name: tokens}, spec: {dimensions: {}}}
---
{kind: metric, metadata: {name: report}, spec: {value: "1"}}
---
kind: kubernetes
metadata: {name: generate}
spec: {attribute_bindings: {source.name: $out.source_pod_name}}
---
kind: rule
metadata: {name: r}
spec:
  failurePolicy: POLICY
  actions: [{handler: h, instances: [INSTANCE]}]
"""


def stage(policy: str, instance: str, *, quarantined: bool) -> Stage:
    found = Stage()
    assert found.configure(RULE.replace("POLICY", policy).replace("INSTANCE", instance)) == []
    if quarantined:
        for _ in range(5):
            found.check({})
            take(found)
            found.report({})
        assert found.snapshot.handlers[HANDLER].is_quarantined
    return found


def take(found: Stage) -> tuple[int, int, str]:
    """The answer to a quota of 5: amount, code and message; nothing where the call failed."""
    try:
        quota = found.respond({}, {"tokens": QuotaParams(5)}).quotas["tokens"]
    except CallError:
        return (0, 0, "")
    return (quota.granted_amount, quota.status.code, quota.status.message)


FAILED_CHECK = {"call": "INTERNAL", "message": f"performing check operation failed: {BROKEN}"}
QUARANTINED = "h.istio-system: is in quarantine, after: broken"
CHECKS: dict[str, dict[str, Any]] = {
    "FAIL_OPEN": {"code": 0, "message": "", "valid": [1.0, 100]},
    "FAIL_CLOSE": {"code": 14, "message": "h.istio-system:cannot answer at the moment", "valid": [1.0, 100]},
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("quarantined", [False, True])
def test_a_check(policy: str, quarantined: bool) -> None:
    found = stage(policy, "check.checknothing", quarantined=quarantined)
    failed = {**FAILED_CHECK, "message": f"performing check operation failed: {QUARANTINED if quarantined else BROKEN}"}
    assert found.check({}) == CHECKS.get(policy, failed)


QUOTAS = {"FAIL_CALL": (0, 0, ""), "FAIL_OPEN": (5, 0, ""), "FAIL_CLOSE": (0, 14, "cannot answer at the moment")}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("quarantined", [False, True])
def test_a_quota(policy: str, quarantined: bool) -> None:
    found = stage(policy, "tokens.quota", quarantined=quarantined)
    assert take(found) == QUOTAS[policy]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_report_of_a_handler_that_fails(policy: str) -> None:
    found = stage(policy, "report.metric", quarantined=False)
    assert found.report({}, {}) == ("" if policy == "FAIL_OPEN" else f"UNKNOWN: {BROKEN}")
    assert found.count("report_instances_dropped_total", handler="h.istio-system", reason="failed") == 2


@pytest.mark.parametrize("policy", POLICIES)
def test_a_report_of_a_handler_in_quarantine_is_dropped_and_counted(policy: str) -> None:
    found = stage(policy, "report.metric", quarantined=True)
    assert found.report({}, {}, {}) == ""
    assert found.count("report_instances_dropped_total", handler="h.istio-system", reason="quarantined") == 3


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("quarantined", [False, True])
def test_attributes_that_a_handler_should_generate(policy: str, quarantined: bool) -> None:
    found = stage(policy, "generate.kubernetes", quarantined=quarantined)
    error = QUARANTINED if quarantined else BROKEN
    failed = {"call": "INTERNAL", "message": f"preprocessing attributes failed: {error}"}
    assert found.check({}) == (CHECKS["FAIL_OPEN"] if policy == "FAIL_OPEN" else failed)


@pytest.mark.parametrize("policy", POLICIES)
def test_an_instance_that_cannot_be_built_fails_the_call_whatever_the_policy(policy: str) -> None:
    found = Stage()
    text = RULE.replace("{kind: checknothing, metadata: {name: check}}", LISTENTRY).replace("POLICY", policy)
    assert found.configure(text.replace("INSTANCE", "entry.listentry")) == []
    answer = found.check({})
    assert answer["call"] == "INTERNAL"
    assert "lookup failed" in answer["message"]


LISTENTRY = "{kind: listentry, metadata: {name: entry}, spec: {value: source.name}}"


def test_what_a_policy_passes_over_is_counted() -> None:
    found = stage("FAIL_OPEN", "check.checknothing", quarantined=False)
    found.check({})
    assert found.count("failures_passed_over_total", policy="FAIL_OPEN") == 1


def test_a_policy_that_does_not_exist_is_refused_with_its_place() -> None:
    errors = Stage().configure(RULE.replace("POLICY", "FAIL_SOFT").replace("INSTANCE", "check.checknothing"))
    assert errors[0].startswith('18:18: r.rule.istio-system: spec.failurePolicy: "FAIL_SOFT" is not one of the known')
    assert errors[0].endswith("accepted: FAIL_CALL, FAIL_OPEN, FAIL_CLOSE")
