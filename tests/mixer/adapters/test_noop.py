from __future__ import annotations

from mizzen.mixer.adapters import OK, QuotaArguments
from mizzen.mixer.adapters.noop import NoopAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import CheckNothing, Metric, Quota


def test_everything_is_allowed_for_long() -> None:
    result = AdapterBench().build(NoopAdapter).check(CheckNothing("i"))
    assert (result.status, result.valid_for, result.uses) == (OK, 1e9, 10**9)


def test_the_full_amount_is_granted() -> None:
    result = AdapterBench().build(NoopAdapter).quota(Quota("q"), QuotaArguments(amount=7))
    assert (result.status, result.amount, result.valid_for) == (OK, 7, 1e9)


def test_reports_are_dropped() -> None:
    bench = AdapterBench()
    bench.build(NoopAdapter).report([Metric("m", 1)])
    assert bench.stdout.getvalue() == ""
