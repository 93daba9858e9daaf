from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mizzen.mixer.adapters import QuotaArguments
from mizzen.mixer.adapters.memquota import MemQuotaAdapter
from mizzen.mixer.adapters.memquota.deduplication import Answer, Deduplication
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import InstanceTypes, Quota

ROLLING = {"name": "q.quota.ns", "max_amount": 5, "valid_duration": "2s"}
IN_USE = {"name": "q.quota.ns", "max_amount": 5}


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


def take(handler: MemQuotaAdapter, amount: int = 1, id_: str = "", best_effort: bool = False, **dimensions: Any) -> int:
    return handler.quota(Quota("q.quota.ns", dimensions), QuotaArguments(amount, best_effort, id_)).amount


def types(**dimensions: ValueType) -> InstanceTypes:
    return InstanceTypes("quota", {}, {"dimensions": dimensions})


def test_without_a_duration_units_are_in_use_until_given_back(bench: AdapterBench) -> None:
    handler = bench.build(MemQuotaAdapter, {"quotas": [IN_USE]})
    assert take(handler, 5) == 5
    bench.advance(1e6)
    assert take(handler) == 0
    assert take(handler, -2) == 2
    assert take(handler, 2) == 2


def test_an_override_brings_its_own_duration(bench: AdapterBench) -> None:
    override = {"dimensions": {"user": "x"}, "max_amount": 1}
    handler = bench.build(MemQuotaAdapter, {"quotas": [{**ROLLING, "overrides": [override]}]})
    assert [take(handler, 1, user="x") for _ in range(2)] == [1, 0]
    bench.advance(1e6)
    assert take(handler, 1, user="x") == 0


def test_an_override_without_dimensions_fits_everything_and_an_absent_one_equals_the_empty_text(
    bench: AdapterBench,
) -> None:
    overrides = [
        {"dimensions": {"user": ""}, "max_amount": 2, "valid_duration": "2s"},
        {"max_amount": 1, "valid_duration": "2s"},
    ]
    handler = bench.build(MemQuotaAdapter, {"quotas": [{**ROLLING, "overrides": overrides}]})
    assert take(handler, 2) == 2
    assert take(handler, 2, user="x") == 0
    assert take(handler, 1, user="x") == 1


def test_a_best_effort_grant_of_nothing_is_valid_as_long_as_a_grant(bench: AdapterBench) -> None:
    handler = bench.build(MemQuotaAdapter, {"quotas": [ROLLING]})
    take(handler, 5)
    asked = QuotaArguments(1, best_effort=True)
    assert handler.quota(Quota("q.quota.ns"), asked).valid_for == 2.0


def test_an_answer_is_repeated_for_one_to_two_periods(bench: AdapterBench) -> None:
    handler = bench.build(MemQuotaAdapter, {"quotas": [IN_USE], "min_deduplication_duration": "3s"})
    assert take(handler, 1, "r") == 1
    bench.advance(5.9)
    assert take(handler, 1, "r") == 1
    assert take(handler, 4) == 4
    bench.advance(6.1)
    assert take(handler, 1, "r") == 0


def test_refusals_are_repeated_too(bench: AdapterBench) -> None:
    handler = bench.build(MemQuotaAdapter, {"quotas": [IN_USE]})
    take(handler, 5)
    assert take(handler, 1, "r") == 0
    take(handler, -5)
    assert take(handler, 1, "r") == 0


def test_long_texts_of_requests_are_told_apart_and_take_little_space(bench: AdapterBench) -> None:
    handler = bench.build(MemQuotaAdapter, {"quotas": [ROLLING]})
    for number in range(2):
        assert take(handler, 5, f"{'i' * 100_000}{number}", user=f"{'u' * 100_000}{number}") == 5
    (cells,) = handler._ledger._stores.values()
    assert max(map(len, cells)) < 2000


def test_answers_are_forgotten_in_two_generations() -> None:
    seen = Deduplication(1.0, now=0.0)
    seen.remember(("i", "a"), Answer(1, 9.0), 0.5)
    seen.remember(("i", "b"), Answer(2, 9.0), 1.5)
    assert seen.find(("i", "a"), 1.9) == Answer(1, 9.0)
    assert seen.find(("j", "a"), 1.9) is None
    assert seen.find(("i", "a"), 2.5) is None
    assert seen.find(("i", "b"), 2.5) == Answer(2, 9.0)
    assert seen.find(("i", "b"), 9.0) is None
    assert len(seen) == 0


def test_cells_that_hold_nothing_are_swept_away(bench: AdapterBench) -> None:
    handler = bench.build(MemQuotaAdapter, {"quotas": [ROLLING]})
    for user in range(10):
        take(handler, 1, user=user)
    bench.advance(1)
    take(handler, 1, user="late")
    bench.advance(1)
    bench.run_tasks()
    assert len(handler._ledger) == 1
    handler.close()
    assert all(task.cancelled for task in bench.tasks)


def test_a_successor_keeps_the_counts_of_quotas_that_did_not_change(bench: AdapterBench) -> None:
    other = {**ROLLING, "name": "other.quota.ns"}
    first = bench.build(MemQuotaAdapter, {"quotas": [ROLLING]})
    assert take(first, 4, "r") == 4
    second = bench.build(MemQuotaAdapter, {"quotas": [ROLLING, other]}, predecessor=first)
    first.close()
    assert take(second, 4, "r") == 4
    assert take(second, 2) == 0
    assert take(second, 1) == 1
    changed = bench.build(MemQuotaAdapter, {"quotas": [{**ROLLING, "max_amount": 6}]}, predecessor=second)
    assert take(changed, 6) == 6


def test_an_instance_without_a_limit_is_a_problem(bench: AdapterBench) -> None:
    with pytest.raises(InvalidParamsError) as caught:
        bench.build(MemQuotaAdapter, {"quotas": [ROLLING]}, instances={"q.quota.other": types()})
    assert str(caught.value) == (
        "quotas: did not find limit defined for quota q.quota.other; is the entry for q.quota.ns meant for it?; "
        "accepted: an entry with name q.quota.other"
    )


def test_an_override_that_can_never_fit_is_a_problem(bench: AdapterBench) -> None:
    overrides = [{"dimensions": {"user": "x", "plan": "", "pln": "free"}}]
    instances = {"q.quota.ns": types(user=ValueType.STRING, plan=ValueType.STRING)}
    with pytest.raises(InvalidParamsError) as caught:
        bench.build(MemQuotaAdapter, {"quotas": [{**ROLLING, "overrides": overrides}]}, instances=instances)
    (problem,) = caught.value.problems
    assert problem.path == ("quotas", 0, "overrides", 0, "dimensions", "pln")
    assert problem.accepted == "plan, user"


def test_a_quota_given_twice_is_a_problem(bench: AdapterBench) -> None:
    with pytest.raises(InvalidParamsError, match=r"^quotas\.1\.name: 'q\.quota\.ns' is given twice"):
        bench.build(MemQuotaAdapter, {"quotas": [ROLLING, ROLLING]})


@pytest.mark.parametrize(
    "params",
    [
        {"min_deduplication_duration": "0s"},
        {"quotas": [{"name": ""}]},
        {"quotas": [{**ROLLING, "max_amount": -1}]},
        {"quotas": [{**ROLLING, "max_amount": 2**53 + 1}]},
        {"quotas": [{**ROLLING, "valid_duration": "-1s"}]},
    ],
)
def test_wrong_params_are_refused(bench: AdapterBench, params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bench.build(MemQuotaAdapter, params)
