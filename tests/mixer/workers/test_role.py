from __future__ import annotations

import os
from pathlib import Path

import pytest

from mizzen.config.resource import Resource
from mizzen.mixer.workers.role import VARIABLE, Role, digest, naming, take_role


def resource(code: int) -> Resource:
    return Resource(kind="denier", name="h", namespace="n", spec={"status": {"code": code}})


def test_a_role_is_taken_from_the_environment_once(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    role = Role(1, 4, "0123abcd", descriptor)
    environment = {VARIABLE: role.write(), "PATH": "/bin"}
    assert take_role(environment) == role
    assert environment == {"PATH": "/bin"}
    assert take_role(environment) is None
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("text", ["", "1", "1/2:0123abcd", "1/2:xyz:3", "-1/2:0123abcd:3", "1/2:0123abcd:3 "])
def test_another_text_is_no_role(text: str) -> None:
    assert take_role({VARIABLE: text}) is None


def test_generations_are_alike_in_all_workers_and_differ_by_content(tmp_path: Path) -> None:
    first, second = (naming(Role(index, 2, "0123abcd", 3), [tmp_path]) for index in (0, 1))
    resources = {"h": resource(7)}
    assert first(resources, ()) == second(resources, ()) == f"0123abcd-{digest(resources, (), [tmp_path])}"
    before = first(resources, ())
    others = [first({"h": resource(5)}, ()), first({}, ()), first(resources, ["h"])]
    (tmp_path / "adapter.py").write_text("x = 1")
    others.append(first(resources, ()))
    assert len({before, *others}) == 5
