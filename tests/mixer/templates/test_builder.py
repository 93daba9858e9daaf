from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.expr import BUILTIN, EvaluationError, RecordedAttributes, ValueType
from mizzen.mixer.templates import (
    TEMPLATES,
    Dynamic,
    Instance,
    InstanceBuilder,
    InstanceCompileError,
    InstanceError,
    Message,
    Template,
    Variety,
)

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "cases_builder.yaml").read_text())
PROBLEMS = yaml.safe_load((HERE / "cases_problems.yaml").read_text())


def compile_case(case: dict[str, Any]) -> InstanceBuilder:
    return TEMPLATES[case["template"]].compile("an.instance.ns", case["params"], BUILTIN)


def type_names(builder: InstanceBuilder) -> dict[str, Any]:
    values: dict[str, Any] = {name: type_.name for name, type_ in builder.types.values.items()}
    maps = {name: {key: type_.name for key, type_ in types.items()} for name, types in builder.types.maps.items()}
    return values | maps


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_params_become_an_instance(case: dict[str, Any]) -> None:
    builder = compile_case(case)
    instance = builder.build(RecordedAttributes(case.get("bag", {})))
    assert isinstance(instance, TEMPLATES[case["template"]].instance_type)
    fields = dataclasses.asdict(instance)
    assert fields["name"] == "an.instance.ns"
    assert {name: fields[name] for name in case["fields"]} == case["fields"]
    types = type_names(builder)
    assert builder.types.template == case["template"]
    assert {name: types[name] for name in case.get("types", {})} == case.get("types", {})


@pytest.mark.parametrize("case", PROBLEMS, ids=lambda case: case["name"])
def test_faulty_params_are_reported_all_together(case: dict[str, Any]) -> None:
    with pytest.raises(InstanceCompileError) as caught:
        compile_case(case)
    assert sorted(map(str, caught.value.problems)) == sorted(case["problems"])


def test_an_expression_that_does_not_compile_is_told_in_the_words_of_the_original() -> None:
    params = {"subject": {"properties": {"x": "nowhere"}}}
    with pytest.raises(InstanceCompileError) as caught:
        TEMPLATES["authorization"].compile("a.authorization.ns", params, BUILTIN)
    start = "expression compilation failed at [a.authorization.ns]'Subject.Properties[x]': 'unknown attribute nowhere"
    assert str(caught.value).startswith(start)
    (problem,) = caught.value.problems
    assert problem.path == ("subject", "properties", "x")


@pytest.mark.parametrize(
    ("template", "params", "place"),
    [
        ("listentry", {"value": "source.user"}, "Value"),
        ("metric", {"value": "1", "dimensions": {"a": "1", "b.c": "source.user"}}, "Dimensions[b.c]"),
        ("authorization", {"subject": {"properties": {"x": "source.user"}}}, "Subject.Properties[x]"),
        ("apikey", {"api_version": "source.user"}, "ApiVersion"),
        ("tracespan", {"httpStatusCode": "response.code"}, "HttpStatusCode"),
    ],
)
def test_a_field_that_cannot_be_evaluated_is_named_as_go_names_it(
    template: str, params: dict[str, Any], place: str
) -> None:
    builder = TEMPLATES[template].compile("i.t.ns", params, BUILTIN)
    with pytest.raises(InstanceError) as caught:
        builder.build(RecordedAttributes({}))
    assert isinstance(caught.value.__cause__, EvaluationError)
    assert str(caught.value) == f"evaluation failed at [i.t.ns]'{place}': '{caught.value.__cause__}'"


def test_only_the_attributes_of_the_instance_are_read() -> None:
    bag = RecordedAttributes({"source.user": "u", "request.size": 3})
    TEMPLATES["listentry"].compile("i.t.ns", {"value": "source.user"}, BUILTIN).build(bag)
    assert [str(reference) for reference in bag.references()] == ["source.user EXACT"]


def test_instances_share_nothing_that_can_change() -> None:
    builder = TEMPLATES["authorization"].compile("i.t.ns", {}, BUILTIN)
    one, other = (builder.build(RecordedAttributes({})) for _ in range(2))
    assert one == other
    assert one.subject is not other.subject  # type: ignore[attr-defined]
    assert one.subject.properties is not other.subject.properties  # type: ignore[attr-defined]


def test_values_of_leaves_assemble_to_the_instance_that_build_makes() -> None:
    params = {"value": "request.size", "dimensions": {"a": '"x"', "b": "", "c": "response.code"}}
    builder = TEMPLATES["metric"].compile("i.t.ns", params, BUILTIN)
    bag = RecordedAttributes({"request.size": 3, "response.code": 200})
    values = [leaf.expression.evaluate(bag) for leaf in builder.leaves]
    assert [leaf.path for leaf in builder.leaves] == ["Value", "Dimensions[a]", "Dimensions[c]"]
    assert builder.assemble(values) == builder.build(bag)


@dataclasses.dataclass(slots=True)
class Order(Instance):
    amount: float = 0.0
    labels: dict[str, str] = dataclasses.field(default_factory=dict)


def test_a_template_of_ones_own_needs_only_data() -> None:
    fields = {"amount": ValueType.DOUBLE, "labels": ValueType.STRING_MAP}
    template = Template("order", Variety.CHECK, Order, fields)
    builder = template.compile("o.order.ns", {"amount": "1.5", "labels": "source.labels"}, BUILTIN)
    assert builder.build(RecordedAttributes({"source.labels": {"a": "b"}})) == Order("o.order.ns", 1.5, {"a": "b"})


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(data=st.data(), template=st.sampled_from(sorted(TEMPLATES)))
def test_any_params_compile_or_give_problems(data: st.DataObject, template: str) -> None:
    names = st.sampled_from([*TEMPLATES[template].fields, "unknown"])
    params = data.draw(st.dictionaries(names, junk, max_size=6))
    try:
        builder = TEMPLATES[template].compile("i.t.ns", params, BUILTIN)
    except InstanceCompileError as error:
        reasons = [problem.reason for problem in error.problems]
    else:
        reasons = ["none"]
        assert "unknown" not in params
        for name, type_ in TEMPLATES[template].fields.items():
            known = builder.types.maps if type_ is Dynamic.VALUE_MAP else builder.types.values
            assert isinstance(type_, Message) or name in known
    assert reasons
    assert all(reasons)
