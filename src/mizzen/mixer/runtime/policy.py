"""What a rule answers when one of its handlers cannot: its `failurePolicy`.

It covers handlers that raise, answer nonsense, take too long, are busy or in quarantine. It does not cover instances
that cannot be built: those are the request's doing, and a client must not be able to open a policy by what it sends.
Such answers hold for a short time only, so that the handler counts again soon after it works.
"""

from __future__ import annotations

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.adapters import CheckResult, Code, QuotaResult, Status

VALID_FOR_SECONDS = 1.0
USES = 100
UNAVAILABLE = Status(Code.UNAVAILABLE, "cannot answer at the moment")

PARTLY_KNOWN = CheckResult(valid_for=VALID_FOR_SECONDS, uses=USES)
"""Bounds a decision that was made without some attribute or answer."""

_CHECKS = {
    FailurePolicy.FAIL_OPEN: PARTLY_KNOWN,
    FailurePolicy.FAIL_CLOSE: CheckResult(UNAVAILABLE, VALID_FOR_SECONDS, USES),
}


def check_instead(policy: FailurePolicy) -> CheckResult | None:
    """The answer to a check; None when the call fails."""
    return _CHECKS.get(policy)


def quota_instead(policy: FailurePolicy, amount: int) -> QuotaResult:
    """The answer to a quota of `amount`: all of it for a moment, or nothing. A quota never fails the call."""
    if policy is FailurePolicy.FAIL_OPEN:
        return QuotaResult(amount=amount, valid_for=VALID_FOR_SECONDS)
    return QuotaResult(UNAVAILABLE) if policy is FailurePolicy.FAIL_CLOSE else QuotaResult()
