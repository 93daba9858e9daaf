from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.config import Resource
from mizzen.kubernetes.resources import Group, ResourceTable, cut

VERSION = "rbac.istio.io/v1alpha1"


def table() -> tuple[ResourceTable, list[str]]:
    """A table of roles, and what it told."""
    told: list[str] = []
    return ResourceTable("ServiceRole", VERSION, lambda: told.append("changed")), told


def role(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"rules": []}, **fields}


def test_objects_become_resources() -> None:
    roles, told = table()
    roles.replace([role("a"), role("b")])
    metadata = {"name": "c", "namespace": "shop", "labels": {"x": "y", "z": 1}, "annotations": None}
    roles.put(role("c", metadata=metadata))
    roles.remove(role("a"))
    assert list(roles) == [
        Resource("ServiceRole", "b", "shop", {"rules": []}, VERSION),
        Resource("ServiceRole", "c", "shop", {"rules": []}, VERSION, labels={"x": "y"}),
    ]
    assert len(told) == 3


def test_a_spec_that_is_nested_too_deep_is_cut() -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = {"a": [deep]}
    text = str(cut({"spec": deep}))
    assert "(nested deeper than 64 levels)" in text
    assert "end" not in text
    assert cut({"a": [{"b": None}, 1.5, True]}) == {"a": [{"b": None}, 1.5, True]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"metadata": json_values, "spec": json_values}) | json_values)
def test_whatever_the_server_sends_is_taken_or_is_no_object(item: Any) -> None:
    roles, _ = table()
    for put in (roles.put, roles.remove, lambda one: roles.replace([one])):
        with contextlib.suppress(ValueError):  # the reflector knows what to do then
            put(item)


@pytest.mark.parametrize(
    ("status", "words"), [(403, "list and watch for serviceroles of rbac"), (404, "file.yaml has")]
)
def test_a_refusal_comes_with_what_may_be_done(status: int, words: str) -> None:
    assert words in Group(VERSION, {"ServiceRole": "serviceroles"}, "file.yaml").hints[status]
