from __future__ import annotations

from typing import Any

import pytest

from mizzen.mixer.adapters import DirectResponse
from mizzen.mixer.adapters.opa.answers import Decision, decision_of
from mizzen.mixer.adapters.opa.decider import OpaError


@pytest.mark.parametrize(
    ("value", "decision"),
    [
        (True, Decision(True)),
        (False, Decision(False)),
        ({"allowed": True}, Decision(True)),
        ({"allowed": True, "http_status": "x", "headers": 1}, Decision(True)),
        ({"allowed": False, "reason": "r"}, Decision(False)),
        ({"allowed": False, "body": "b"}, Decision(False, DirectResponse(0, {}, "b"))),
        ({"allowed": False, "http_status": 404}, Decision(False, DirectResponse(404))),
        ({"allowed": False, "headers": {"a": "b"}}, Decision(False, DirectResponse(0, {"a": "b"}))),
        ({"allowed": False, "http_status": 99}, Decision(False, fault="http_status is not 200 to 599")),
        ({"allowed": False, "http_status": True}, Decision(False, fault="http_status is not 200 to 599")),
        ({"allowed": False, "headers": ["a"]}, Decision(False, fault="headers is not an object of texts")),
        ({"allowed": False, "headers": {"a": 1}}, Decision(False, fault="headers is not an object of texts")),
        ({"allowed": False, "body": {}}, Decision(False, fault="body is not a text")),
    ],
)
def test_a_value_is_a_decision(value: Any, decision: Decision) -> None:
    assert decision_of(value) == decision


@pytest.mark.parametrize("value", [None, 1, 0, "true", [], [True], {}, {"allowed": 1}, {"allowed": "true"}])
def test_or_it_is_none(value: Any) -> None:
    with pytest.raises(OpaError, match=r"^(is not true, false or|has no allowed)"):
        decision_of(value)
