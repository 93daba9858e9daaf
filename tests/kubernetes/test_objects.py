from __future__ import annotations

from typing import Any

import pytest

from mizzen.kubernetes.objects import key_of, list_of, map_of, text_of


@pytest.mark.parametrize(
    "data", [None, [], {}, {"metadata": {"name": "x"}}, {"metadata": {"name": 1, "namespace": "x"}}]
)
def test_what_has_no_name_is_no_object(data: Any) -> None:
    with pytest.raises(ValueError, match="an object has no name or no namespace"):
        key_of(data)


def test_a_key_is_name_and_namespace() -> None:
    assert key_of({"metadata": {"name": "web.1", "namespace": "shop"}}) == "web.1.shop"


def test_what_is_of_another_type_is_nothing() -> None:
    assert (map_of([1]), list_of({"a": 1}), text_of({"a": 1}, "a")) == ({}, [], "")
