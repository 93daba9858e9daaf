"""Scenarios: reading them, and judging what came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mizzen.config import ConfigError
from mizzen.demo.scenario import Expectation, Scenario, Step, judge, load_scenario, metric_faults, missing_reports
from mizzen.testing.http import HttpResponse


def step(expect: Expectation) -> Step:
    return Step(name="a step", expect=expect)


RESPONSE = HttpResponse(
    200, (("X-A", "1"), ("x-b", "2")), json.dumps({"headers": [["X-Got", "g"], ["x-many", "1"]]}).encode()
)


@pytest.mark.parametrize(
    "expect",
    [
        Expectation(),
        Expectation(headers={"x-a": "1", "X-B": "2", "x-c": None}),
        Expectation(body_contains="X-Got"),
        Expectation(service_headers={"x-got": "g", "x-none": None}),
    ],
)
def test_what_is_as_expected_has_no_faults(expect: Expectation) -> None:
    assert judge(step(expect), RESPONSE).faults == ()


@pytest.mark.parametrize(
    ("expect", "fault"),
    [
        (Expectation(status=403), "status 200, expected 403"),
        (Expectation(headers={"x-a": "2"}), "header x-a: '1', expected '2'"),
        (Expectation(headers={"x-c": "2"}), "header x-c: None, expected '2'"),
        (Expectation(headers={"x-a": None}), "header x-a: '1', expected None"),
        (Expectation(body_contains="absent"), "expected to contain 'absent'"),
        (Expectation(service_headers={"x-got": None}), "service header x-got: 'g', expected None"),
    ],
)
def test_what_is_not_is_told(expect: Expectation, fault: str) -> None:
    (told,) = judge(step(expect), RESPONSE).faults
    assert fault in told


def test_an_answer_that_is_not_the_services_tells_no_service_headers() -> None:
    response = HttpResponse(403, (), b"PERMISSION_DENIED")
    assert len(judge(step(Expectation(status=403, service_headers={"x": "y"})), response).faults) == 1


def test_a_report_must_have_all_fields_in_one_line() -> None:
    scenario = Scenario(steps=[], reports=[{"a": 1, "b": 2}, {"a": 3}])
    assert missing_reports(scenario, [{"a": 1, "c": 0}, {"b": 2}, {"a": 3}]) == [{"a": 1, "b": 2}]
    assert missing_reports(scenario, [{"a": 1, "b": 2, "c": 0}, {"a": 3}]) == []


def test_metrics_are_compared_by_sample_and_value() -> None:
    text = '# HELP x y\nx_total{code="200"} 5.0\ny 1\n'
    assert metric_faults(Scenario(steps=[], metrics={'x_total{code="200"}': 5, "y": 1}), text) == []
    assert metric_faults(Scenario(steps=[], metrics={"y": 2, "z": 0}), text) == [
        "metric y: 1, expected 2.0",
        "metric z: None, expected 0.0",
    ]


def test_a_scenario_is_read(tmp_path: Path) -> None:
    path = tmp_path / "requests.yaml"
    path.write_text(
        "steps:\n- name: a\n  request: {path: /x, via: client, headers: {a: b}}\n  expect: {headers: {c: null}}\n"
    )
    (found,) = load_scenario(path).steps
    assert (found.request.path, found.request.via, found.request.headers) == ("/x", "client", {"a": "b"})
    assert (found.expect.status, found.expect.headers) == (200, {"c": None})


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("steps:\n- name: a\n  requests: {}\n", 3, "requests"),
        ("steps:\n- name: a\n  expect: {status: '200'}\n", 3, "status"),
        ("steps:\n- request: {}\n", 2, "name"),
        ("steps: [\n", 2, "is not YAML"),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, line: int, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "requests.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_scenario(path)
    assert error.value.line == line
    assert complaint in str(error.value)
