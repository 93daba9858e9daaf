"""Which modules go to the server and which leave it; that OPA takes the steps is tested with a real one."""

from __future__ import annotations

import pytest

from mizzen.mixer.adapters.opa.modules import Plan, identities, plan


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("package a.b", "p/a.b"),
        ("# package no\n\n  package\ta # yes", "p/a"),
        ('package a["b c"].d\nallow := true', 'p/a["b c"].d'),
        ("allow := true", "p/?"),
    ],
)
def test_a_module_is_known_by_its_package(module: str, name: str) -> None:
    assert identities("p/", [module]) == {name: module}


def test_modules_of_one_package_are_numbered() -> None:
    modules = ["package a\nx := 1", "package b", "package a\ny := 1", "package a\nz := 1"]
    assert list(identities("p/", modules)) == ["p/a", "p/b", "p/a#2", "p/a#3"]


def test_only_what_differs_is_put_and_only_ours_is_deleted() -> None:
    present = {"p/a": "package a", "p/b": "package b", "p/c": "package c", "other": "package d"}
    wanted = ["package a", "package b # new", "package e"]
    assert plan(present, "p/", wanted) == Plan({"p/b": "package b # new", "p/e": "package e"}, ["p/c"])


def test_a_text_that_is_there_under_another_name_is_not_put() -> None:
    present = {"q/a": "package a", "p/a": "package a # old"}
    assert plan(present, "p/", ["package a"]) == Plan({}, ["p/a"])
