from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from mizzen.mixer.adapters import CheckResult, Code, Status
from mizzen.testing import CheckOutcome, Granted, assert_allowed, assert_failed, assert_refused

REFUSED = CheckOutcome(7, "h: no", 3.0, 4)
FAILED = CheckOutcome(failure="INTERNAL", message="broken")


@pytest.mark.parametrize(
    ("assertion", "text"),
    [
        (lambda: assert_allowed(REFUSED), "expected to be allowed, but refused with PERMISSION_DENIED: h: no"),
        (lambda: assert_allowed(FAILED), "expected to be allowed, but the call failed with INTERNAL: broken"),
        (lambda: assert_refused(FAILED), "expected a refusal, but the call failed with INTERNAL: broken"),
        (lambda: assert_refused(CheckResult()), "expected a refusal, but allowed (for 0 s, 0 uses)"),
        (lambda: assert_refused(REFUSED, Code.ABORTED), "expected a refusal with ABORTED, but refused with PERMISSION"),
        (lambda: assert_refused(REFUSED, message="yes"), "expected a refusal and 'yes', but refused with"),
        (lambda: assert_failed(REFUSED, "INTERNAL"), "expected the call to fail with INTERNAL '', but refused"),
        (lambda: assert_failed(FAILED, "UNKNOWN"), "expected the call to fail with UNKNOWN '', but the call failed"),
    ],
)
def test_an_assertion_that_fails_says_what_it_found(assertion: Callable[[], None], text: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(text)):
        assertion()


def test_an_assertion_that_holds_is_silent() -> None:
    assert_allowed(CheckOutcome())
    assert_allowed(CheckResult())
    assert_refused(REFUSED, Code.PERMISSION_DENIED, "no")
    assert_refused(CheckResult(Status(5, "x")), Code.NOT_FOUND, "x")
    assert_failed(FAILED, "INTERNAL", "brok")


def test_the_text_of_an_outcome_has_everything() -> None:
    outcome = CheckOutcome(7, "no", 1.5, 2, ["REMOVE a"], ["REPLACE b: c"], 302, "go", {"tokens": Granted(3, 1.0)})
    assert str(outcome).splitlines() == [
        "refused with PERMISSION_DENIED: no (for 1.5 s, 2 uses)",
        "  answered with HTTP 302: 'go'",
        "  request header REMOVE a",
        "  response header REPLACE b: c",
        "  quota tokens: Granted(amount=3, valid_for=1.0, code=0, message='')",
    ]
