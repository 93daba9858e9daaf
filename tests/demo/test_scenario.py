"""Scenarios: reading them."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from mizzen.config import ConfigError
from mizzen.demo.scenario import load_scenario


def test_a_scenario_is_read(tmp_path: Path) -> None:
    path = tmp_path / "requests.yaml"
    path.write_text(
        "steps:\n- name: a\n  request: {path: /x, via: client, headers: {a: b}}\n  expect: {headers: {c: null}}\n"
    )
    (found,) = load_scenario(path).steps
    assert (found.request.path, found.request.via, found.request.headers) == ("/x", "client", {"a": "b"})
    assert (found.expect.status, found.expect.headers) == (200, {"c": None})


def test_a_step_may_be_a_connection(tmp_path: Path) -> None:
    path = tmp_path / "requests.yaml"
    path.write_text(
        "service: echo\nsteps:\n- name: a\n  connection: {send: x, source: 127.0.0.2}\n  expect: {refused: true}\n"
    )
    scenario = load_scenario(path)
    assert (scenario.service, scenario.connects) == ("echo", True)
    (found,) = scenario.steps
    assert found.connection is not None
    assert (found.connection.send, found.connection.source) == ("x", IPv4Address("127.0.0.2"))
    assert found.expect.refused


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("steps:\n- name: a\n  requests: {}\n", 3, "requests"),
        ("steps:\n- name: a\n  expect: {status: '200'}\n", 3, "status"),
        ("steps:\n- request: {}\n", 2, "name"),
        ("steps: [\n", 2, "is not YAML"),
        ("steps:\n- name: a\n  connection: {send: ''}\n", 3, "send"),
        ("steps:\n- name: a\n  connection: {send: x, source: there}\n", 3, "source"),
        ("steps:\n- name: a\n  expect: {refused: true}\n", 2, "expects refused, which only a connection brings"),
        ("steps:\n- name: a\n  connection: {send: x}\n  expect: {status: 200}\n", 2, "expects status, which only a"),
        ("steps:\n- name: a\n  connection: {send: x}\n  request: {}\n", 2, "a request and a connection"),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, line: int, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "requests.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_scenario(path)
    assert error.value.line == line
    assert complaint in str(error.value)
