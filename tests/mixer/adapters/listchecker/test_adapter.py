from __future__ import annotations

from typing import Any

import pytest

from mizzen.mixer.adapters import CheckResult, Status
from mizzen.mixer.adapters.listchecker import ListAdapter
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import ListEntry


def check(params: dict[str, Any], value: Value | None) -> CheckResult:
    return AdapterBench().build(ListAdapter, params).check(ListEntry("i", value))


@pytest.mark.parametrize(
    ("blacklist", "value", "status"),
    [
        (False, "v1", Status()),
        (False, "v3", Status(7, "v3 is not whitelisted")),
        (True, "v1", Status(7, "v1 is blacklisted")),
        (True, "v3", Status()),
    ],
)
def test_white_and_black_lists(blacklist: bool, value: str, status: Status) -> None:
    result = check({"overrides": ["v1", "v2"], "blacklist": blacklist}, value)
    assert result == CheckResult(status, valid_for=300.0, uses=10_000)


def test_validity_is_a_setting_and_belongs_to_every_answer() -> None:
    params = {"cachingInterval": "1.5s", "cachingUseCount": 7, "overrides": ["v1"]}
    for value in ("v1", "v2", 5):
        result = check(params, value)
        assert (result.valid_for, result.uses) == (1.5, 7)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "<nil>"), (7, "7"), (True, "true"), ({"a": "b"}, "a=b"), (1.5, "1.5")],
)
def test_values_that_are_neither_text_nor_address_are_invalid(value: Value | None, shown: str) -> None:
    assert check({}, value).status == Status(3, f"{shown} is not a valid string or IP address")


def test_an_address_is_looked_up_in_lists_of_networks_and_of_texts() -> None:
    address = bytes([10, 57, 0, 1])
    assert check({"entry_type": "IP_ADDRESSES", "overrides": ["10.57.0.0/16"]}, address).status == Status()
    assert check({"overrides": ["10.57.0.1"]}, address).status == Status()
    assert check({"overrides": ["x"]}, address).status == Status(7, "10.57.0.1 is not whitelisted")


def test_a_text_that_is_no_address_is_invalid_for_a_list_of_addresses() -> None:
    status = check({"entry_type": "IP_ADDRESSES", "blacklist": True}, "somewhere").status
    assert status == Status(3, "somewhere is not a valid IP address")


def test_every_bad_entry_is_a_problem_with_its_place() -> None:
    with pytest.raises(InvalidParamsError) as caught:
        check({"entry_type": "IP_ADDRESSES", "overrides": ["10.0.0.0/8", "x", "y/3"]}, "v")
    assert [(problem.path, problem.value) for problem in caught.value.problems] == [
        (("overrides", 1), "x"),
        (("overrides", 2), "y/3"),
    ]
