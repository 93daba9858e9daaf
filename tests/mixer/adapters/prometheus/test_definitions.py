from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mizzen.mixer.adapters.prometheus import PrometheusParams
from mizzen.mixer.adapters.prometheus.definitions import definition_of, problems_of, sanitise
from mizzen.mixer.adapters.prometheus.family import Definition
from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import InstanceTypes


def params_of(*metrics: dict[str, Any]) -> PrometheusParams:
    return PrometheusParams.model_validate_json(json.dumps({"metrics": metrics}))


def definition(**metric: Any) -> Definition:
    return definition_of(params_of({"instance_name": "i", "kind": "COUNTER", **metric}).metrics[0])


def types(value: ValueType = ValueType.INT64, **dimensions: ValueType) -> InstanceTypes:
    return InstanceTypes("metric", {"value": value}, {"dimensions": dimensions})


@pytest.mark.parametrize(
    ("name", "sane"),
    [("/a/b", "a_b"), ("//a", "_a"), ("a.b c-d", "a_b_cd"), ("plain", "plain"), ("-", ""), ("/-x", "x")],
)
def test_names_are_sanitised_as_in_the_original(name: str, sane: str) -> None:
    assert sanitise(name) == sane


@given(st.text(alphabet="ab/._- :09é"))
def test_a_sanitised_name_has_none_of_the_replaced_signs(name: str) -> None:
    assert not re.search(r"[/. -]", sanitise(name))
    assert sanitise(sanitise(name)) == sanitise(name)


def test_names_have_the_namespace_before_them_and_defaults_from_the_instance() -> None:
    made = definition(instance_name="requestcount.instance.ns")
    assert (made.name, made.description) == ("istio_requestcount_instance_ns", "requestcount.instance.ns")
    made = definition(namespace="my/app", name="requests-total", description="All requests")
    assert (made.name, made.description) == ("my_app_requeststotal", "All requests")


def test_labels_are_sanitised_and_sorted() -> None:
    assert definition(label_names=["b.c", "a"]).label_names == ("a", "b_c")


@pytest.mark.parametrize(
    ("buckets", "bounds"),
    [
        ({"linear_buckets": {"num_finite_buckets": 1, "width": 1, "offset": 4}}, (4, 5)),
        ({"exponentialBuckets": {"numFiniteBuckets": 3, "growthFactor": 3, "scale": 4}}, (4, 12, 36, 108)),
        ({"explicit_buckets": {"bounds": [0.1, 1, 2.5]}}, (0.1, 1, 2.5)),
        (
            {"exponential_buckets": {"num_finite_buckets": 8, "scale": 1, "growth_factor": 10}},
            tuple(10**power for power in range(9)),
        ),
        (None, (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)),
    ],
)
def test_bounds_are_those_of_the_original(buckets: dict[str, Any] | None, bounds: tuple[float, ...]) -> None:
    assert definition(kind="DISTRIBUTION", buckets=buckets).bounds == bounds


@pytest.mark.parametrize(
    "buckets",
    [
        {},
        {"linear_buckets": {"num_finite_buckets": 1, "width": 1}, "explicit_buckets": {"bounds": [1]}},
        {"linear_buckets": {"num_finite_buckets": 0, "width": 1}},
        {"linear_buckets": {"num_finite_buckets": 1001, "width": 1}},
        {"linear_buckets": {"num_finite_buckets": 2, "width": 0}},
        {"exponential_buckets": {"num_finite_buckets": 2, "growth_factor": 1, "scale": 1}},
        {"exponential_buckets": {"num_finite_buckets": 2, "growth_factor": 2, "scale": 0}},
        {"explicit_buckets": {"bounds": []}},
    ],
)
def test_buckets_without_meaning_are_refused(buckets: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        definition(kind="DISTRIBUTION", buckets=buckets)


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        ({"kind": "UNSPECIFIED"}, "metrics.0.kind: is not given; accepted: GAUGE, COUNTER or DISTRIBUTION"),
        ({"name": "a,b"}, "metrics.0.name: 'istio_a,b' is not a metric name; accepted: letters, digits, _ and :"),
        (
            {"buckets": {"explicit_buckets": {"bounds": [1]}}},
            "metrics.0.buckets: is only for a DISTRIBUTION; accepted: no buckets, or kind DISTRIBUTION",
        ),
        (
            {"kind": 3, "buckets": {"explicit_buckets": {"bounds": [2, 1]}}},
            "metrics.0.buckets: [2.0, 1.0] do not rise; accepted: finite bounds, each above the last",
        ),
        (
            {"label_names": ["1st"]},
            "metrics.0.label_names.0: '1st' is not a label name; "
            "accepted: letters, digits and _; not le for a DISTRIBUTION",
        ),
        (
            {"kind": 3, "label_names": ["le"]},
            "metrics.0.label_names.0: 'le' is not a label name; "
            "accepted: letters, digits and _; not le for a DISTRIBUTION",
        ),
        (
            {"label_names": ["__name__"]},
            "metrics.0.label_names.0: '__name__' is not a label name; "
            "accepted: letters, digits and _; not le for a DISTRIBUTION",
        ),
        (
            {"label_names": ["a.b", "a_b"]},
            "metrics.0.label_names.1: 'a_b' is given twice; accepted: each label once",
        ),
    ],
)
def test_each_fault_of_a_metric_is_a_problem(metric: dict[str, Any], problem: str) -> None:
    params = params_of({"instance_name": "i", "kind": "COUNTER", **metric})
    assert [str(found) for found in problems_of(params, {})] == [problem]


def test_growth_beyond_all_numbers_is_a_problem() -> None:
    buckets = {"exponential_buckets": {"num_finite_buckets": 900, "growth_factor": 10, "scale": 1}}
    params = params_of({"instance_name": "i", "kind": "DISTRIBUTION", "buckets": buckets})
    assert [found.path for found in problems_of(params, {})] == [("metrics", 0, "buckets")]


def test_one_instance_has_one_metric_and_one_name_one_definition() -> None:
    params = params_of(
        {"instance_name": "i", "name": "n", "kind": "COUNTER"},
        {"instance_name": "i", "name": "m", "kind": "COUNTER"},
        {"instance_name": "j", "name": "n", "kind": "GAUGE"},
    )
    assert [(found.path, found.reason) for found in problems_of(params, {})] == [
        (("metrics", 1, "instance_name"), "has a metric already"),
        (("metrics", 2, "name"), "is defined before with another kind, description, labels or buckets"),
    ]


def test_two_instances_may_feed_one_metric() -> None:
    same = {"name": "n", "kind": "COUNTER", "description": "d"}
    params = params_of({"instance_name": "i", **same}, {"instance_name": "j", **same})
    assert list(problems_of(params, {})) == []


def test_an_instance_without_a_metric_is_a_problem_that_hints_at_the_full_name() -> None:
    params = params_of({"instance_name": "requests.instance.default", "kind": "COUNTER"})
    (problem,) = problems_of(params, {"requests.instance.shop": types()})
    assert problem.path == ("metrics",)
    assert "the instance requests.instance.shop" in problem.reason
    assert "is the entry for requests.instance.default meant for it?" in problem.reason


def test_labels_must_be_the_dimensions() -> None:
    params = params_of({"instance_name": "i", "kind": "COUNTER", "label_names": ["a", "b"]})
    (problem,) = problems_of(params, {"i": types(b=ValueType.STRING, c=ValueType.STRING)})
    assert problem.path == ("metrics", 0, "label_names")
    assert problem.reason == "do not match the dimensions of i: no dimension a; no label c"


def test_dimensions_are_sanitised_like_labels() -> None:
    params = params_of({"instance_name": "i", "kind": "COUNTER", "label_names": ["a_b"]})
    assert list(problems_of(params, {"i": types(**{"a.b": ValueType.STRING})})) == []


@pytest.mark.parametrize("value", ValueType)
def test_only_numbers_and_texts_can_be_values(value: ValueType) -> None:
    params = params_of({"instance_name": "i", "kind": "GAUGE"})
    numeric = value.name in ("INT64", "DOUBLE", "DURATION", "STRING")
    assert (list(problems_of(params, {"i": types(value)})) == []) == numeric
