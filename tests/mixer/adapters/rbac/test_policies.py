from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.mixer.adapters.rbac.policies import BoundSubject, Policies, ServiceRole, matches
from mizzen.mixer.templates import Action, Subject

CASES = yaml.safe_load((Path(__file__).parent / "cases_decisions.yaml").read_text())


def policies_of(case: dict[str, Any]) -> Policies:
    roles = {name: ServiceRole.model_validate({"rules": rules}, strict=False) for name, rules in case["roles"].items()}
    subjects: dict[tuple[str, str], list[BoundSubject]] = {}
    for binding in case["bindings"]:
        bound = [BoundSubject.model_validate(subject) for subject in binding["subjects"]]
        subjects.setdefault(("shop", binding["role"]), []).extend(bound)
    return Policies({"shop": roles}, subjects)


def decide(policies: Policies, asked: dict[str, Any]) -> bool:
    subject = Subject(asked.get("user", ""), asked.get("groups", ""), asked.get("subject_properties", {}))
    action = Action(
        asked.get("namespace", "shop"),
        asked.get("service", "cart"),
        asked.get("method", "GET"),
        asked.get("path", "/items"),
        asked.get("properties", {}),
    )
    return policies.allow(subject, action)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_decisions(case: dict[str, Any]) -> None:
    policies = policies_of(case)
    assert [asked for asked in case.get("allowed", []) if not decide(policies, asked)] == []
    assert [asked for asked in case.get("refused", []) if decide(policies, asked)] == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*", "a", True),
        ("*a", "ba", True),
        ("a", "a", True),
        ("a*b", "a*b", True),
        ("a*b", "axb", False),
    ],
)
def test_a_star_stands_at_one_end(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) == expected
