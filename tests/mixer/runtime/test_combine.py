from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters import CheckResult, DirectResponse, Status
from mizzen.mixer.runtime.combine import Combination, Decision

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases_combine.yaml").read_text())


def combine(answers: list[CheckResult]) -> Decision:
    combination = Combination()
    for number, answer in enumerate(answers):
        combination.add(f"h{number}", answer)
    return combination.decision()


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_answers_combine(case: dict[str, Any]) -> None:
    answers = [CheckResult(Status(code, text), valid_for, uses) for code, text, valid_for, uses in case["answers"]]
    decision = combine(answers)
    assert [decision.code, decision.message, decision.valid_for, decision.uses] == case["decision"]


def test_the_direct_response_is_that_of_the_first_refusal() -> None:
    first, second = DirectResponse(418), DirectResponse(302)
    answers = [
        CheckResult(Status(), 1, 1, DirectResponse(200)),
        CheckResult(Status(7), 1, 1, first),
        CheckResult(Status(7), 1, 1, second),
    ]
    assert combine(answers).direct_response is first
    assert combine([CheckResult(Status(7)), answers[2]]).direct_response is None


RESULTS = st.builds(
    CheckResult,
    st.builds(Status, st.sampled_from([0, 0, 5, 7])),
    st.sampled_from([0.0, 1.0, 60.0]),
    st.sampled_from([0, 1, 100]),
)


@given(st.lists(RESULTS), st.randoms())
def test_the_order_of_answers_changes_neither_validity_nor_whether_it_is_refused(
    answers: list[CheckResult], random: Any
) -> None:
    other = list(answers)
    random.shuffle(other)
    one, two = combine(answers), combine(other)
    assert (one.is_ok, one.valid_for, one.uses) == (two.is_ok, two.valid_for, two.uses)
