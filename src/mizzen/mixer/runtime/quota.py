"""Quotas of a Check that was allowed: each name that the caller asks for, one after the other.

Where Istio's Mixer had accidents this follows what a user would want: the strictest of several grants counts, a rule
that does not apply never hides another's grant, and an empty request id is never taken for a repetition.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from mizzen.mixer.adapters import Code, QuotaArguments, QuotaResult
from mizzen.mixer.calling import HandlerError, Waits, failed, resolve
from mizzen.mixer.expr import AttributeSource
from mizzen.mixer.runtime.policy import quota_instead
from mizzen.mixer.runtime.routing import NamespaceRoutes, Step
from mizzen.mixer.runtime.watch import Watch
from mizzen.mixer.templates import InstanceError

FULL_GRANT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One quota as the caller asks for it."""

    name: str
    amount: int
    best_effort: bool
    deduplication_id: str

    def arguments(self) -> QuotaArguments:
        """The arguments of the adapter: an id is unique per request and quota, or empty."""
        identity = self.deduplication_id + self.name if self.deduplication_id else ""
        return QuotaArguments(amount=self.amount, best_effort=self.best_effort, deduplication_id=identity)


def grant(asked: Asked, routes: NamespaceRoutes, bag: AttributeSource, watch: Watch) -> Waits[QuotaResult]:
    """What is granted. Never raises: a failing instance grants nothing, and for a failing adapter its rule's
    `failurePolicy` answers, by default with nothing too; the caller then refuses."""
    full = QuotaResult(amount=asked.amount, valid_for=FULL_GRANT_SECONDS)
    rules = routes.quota.get(asked.name.lower())
    if rules is None:
        watch.quota_is_unknown(asked.name)
        return full
    results: list[QuotaResult] = []
    begun: list[tuple[Step, QuotaResult | Future[QuotaResult]]] = []
    for route in rules.matching(bag, watch.condition_failed):
        for step in route.steps:
            try:
                begun.append((step, step.handler.quota(step.instance.builder.build(bag), asked.arguments())))
            except HandlerError as error:
                begun.append((step, failed(error)))
            except InstanceError as error:
                watch.quota_failed(asked.name, error)
                begun.append((step, QuotaResult()))
    for step, answer in begun:
        try:
            results.append((yield from resolve(answer)))
        except HandlerError as error:
            if step.policy:
                watch.passed_over(step.handler.name, step.policy, error)
            else:
                watch.quota_failed(asked.name, error)
            results.append(quota_instead(step.policy, asked.amount))
    if not results:
        watch.metrics.quotas_unmatched.inc()
        return full
    return _strictest(results)


def _strictest(results: list[QuotaResult]) -> QuotaResult:
    status = next((result.status for result in results if result.status.code != Code.OK), results[0].status)
    return QuotaResult(
        status=status,
        amount=min(result.amount for result in results),
        valid_for=min(result.valid_for for result in results),
    )
