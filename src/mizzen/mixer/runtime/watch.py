"""Counts and logs what goes wrong in calls: every fallback has a counter, and a log line at most each ten seconds."""

from __future__ import annotations

from typing import Any

import structlog

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.runtime.decisions import Refusal, code_name
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.throttle import Throttle


class Watch:
    """The runtime's eyes; shared by all calls."""

    def __init__(self, metrics: RuntimeMetrics, throttle: Throttle | None = None, logger: Any = None) -> None:
        self.metrics = metrics
        self._throttle = throttle or Throttle()
        self._logger = logger or structlog.get_logger()

    def condition_failed(self, rule: str, error: Exception, rules: int = 1) -> None:
        """`rules` conditions failed for one reason; `rule` names the one, or says which."""
        self.metrics.condition_failures.inc(rules)
        self._say(f"condition {rule}", "condition cannot be evaluated; the rule does not apply", rule=rule, error=error)

    def header_failed(self, rule: str, error: Exception) -> None:
        self.metrics.header_failures.inc()
        self._say(f"header {rule}", "header value cannot be evaluated; it is left out", rule=rule, error=error)

    def instance_failed(self, variety: str, error: Exception, instances: int = 1) -> None:
        """`instances` of them failed for one reason."""
        self.metrics.instance_failures.labels(variety).inc(instances)
        self._say(f"instance {variety}", "instance cannot be built", variety=variety, error=error)

    def passed_over(self, handler: str, policy: FailurePolicy, error: Exception, calls: int = 1) -> None:
        """`calls` of the handler, or records that shared one, were answered by the policy."""
        self.metrics.failures_passed_over.labels(policy.name).inc(calls)
        self._say(
            f"passed over {handler}",
            "handler failed; the rule's failurePolicy answers",
            policy=policy.name,
            error=error,
        )

    def report_dropped(self, handler: str, instances: int, reason: str) -> None:
        self.metrics.reports_dropped.labels(handler, reason).inc(instances)

    def quota_failed(self, quota: str, error: Exception) -> None:
        self.metrics.quota_failures.inc()
        self._say(f"quota {quota}", "quota cannot be taken; nothing is granted", quota=quota, error=error)

    def quota_is_unknown(self, quota: str) -> None:
        self.metrics.quotas_unknown.inc()
        self._say("unknown quota", "no rule has this quota; it is granted in full", quota=quota)

    def refused(self, refusal: Refusal) -> None:
        """A refusal, which is nothing wrong; the status text stays out of the log, because it may hold values."""
        handlers = ", ".join([one.handler for one in refusal.refused]) or ", ".join(refusal.quotas)
        if self._throttle.passes(f"refused {refusal.code} {handlers}"):
            rules = ", ".join(dict.fromkeys(one.rule for one in refusal.refused))
            code = code_name(refusal.code)
            self._logger.info("request refused", decision=refusal.id, code=code, handlers=handlers, rules=rules)

    def call_failed(self, method: str, code: str, message: str, decision: str | None = None) -> None:
        self.metrics.call_failures.labels(method, code).inc()
        named = {"decision": decision} if decision is not None else {}
        self._say(f"{method} {code}", "call failed", method=method, code=code, error=message, **named)

    def _say(self, key: str, event: str, **details: object) -> None:
        if self._throttle.passes(key):
            self._logger.warning(event, **{name: str(value) for name, value in details.items()})
