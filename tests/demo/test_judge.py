"""Judging what came of a step."""

from __future__ import annotations

import json

import pytest

from mizzen.demo.judge import judge_connection, judge_response, metric_faults, missing_reports
from mizzen.demo.scenario import ConnectionSpec, Expectation, Scenario, Step
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
    assert judge_response(step(expect), RESPONSE).faults == ()


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
    (told,) = judge_response(step(expect), RESPONSE).faults
    assert fault in told


def test_an_answer_that_is_not_the_services_tells_no_service_headers() -> None:
    response = HttpResponse(403, (), b"PERMISSION_DENIED")
    assert len(judge_response(step(Expectation(status=403, service_headers={"x": "y"})), response).faults) == 1


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


@pytest.mark.parametrize(
    ("expect", "received", "faults"),
    [
        (Expectation(), b"hello", ()),
        (Expectation(answer="hello"), b"hello", ()),
        (Expectation(refused=True), b"", ()),
        (Expectation(), b"", ("refused, expected an answer",)),
        (Expectation(answer="hello"), b"hell", ("answer 'hell', expected 'hello'",)),
        (Expectation(refused=True), b"\xff", ("answer '\ufffd', expected to be refused",)),
    ],
)
def test_a_connection_answers_or_is_refused(expect: Expectation, received: bytes, faults: tuple[str, ...]) -> None:
    outcome = judge_connection(Step(name="a step", connection=ConnectionSpec(send="hello"), expect=expect), received)
    assert outcome.faults == faults


def test_what_came_is_told_in_words() -> None:
    denied = HttpResponse(403, (("x-a", "1"),), b"PERMISSION_DENIED:no")
    expect = Expectation(status=403, headers={"x-a": "1"})
    assert judge_response(step(expect), denied).answer == "403 x-a: 1\nPERMISSION_DENIED:no"
    connection = Step(name="a step", connection=ConnectionSpec(send="hello"))
    assert [judge_connection(connection, received).answer for received in (b"hello\n", b"")] == ["hello", "closed"]
