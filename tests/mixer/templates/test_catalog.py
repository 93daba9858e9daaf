from __future__ import annotations

import dataclasses

import pytest

from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import TEMPLATES, Dynamic, Instance, Message, Template, Variety


def all_messages(template: Template) -> list[tuple[type, list[str]]]:
    found = [(template.instance_type, ["name", *template.fields])]
    messages = (field for field in template.fields.values() if isinstance(field, Message))
    return found + [(message.type, list(message.fields)) for message in messages]


def test_the_eleven_templates_have_the_varieties_of_the_original() -> None:
    assert {name: template.variety for name, template in TEMPLATES.items()} == {
        "apikey": Variety.CHECK,
        "authorization": Variety.CHECK,
        "checknothing": Variety.CHECK,
        "listentry": Variety.CHECK,
        "quota": Variety.QUOTA,
        "metric": Variety.REPORT,
        "logentry": Variety.REPORT,
        "tracespan": Variety.REPORT,
        "edge": Variety.REPORT,
        "reportnothing": Variety.REPORT,
        "kubernetes": Variety.ATTRIBUTE_GENERATOR,
    }


def test_the_varieties_have_the_numbers_of_the_template_extension() -> None:
    assert [variety.value for variety in Variety] == [0, 1, 2, 3, 4]
    assert Variety["CHECK_WITH_OUTPUT"] == 4


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_the_fields_stand_in_the_order_of_the_instance_class(template: Template) -> None:
    for type_, names in all_messages(template):
        assert [field.name for field in dataclasses.fields(type_)] == names


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_an_instance_knows_its_template(template: Template) -> None:
    instance = template.instance_type("an.instance.ns")
    assert isinstance(instance, Instance)
    assert instance.template == template.name
    assert not hasattr(instance, "__dict__")


def test_only_the_generator_has_outputs() -> None:
    assert [name for name, template in TEMPLATES.items() if template.outputs] == ["kubernetes"]
    outputs = TEMPLATES["kubernetes"].outputs
    assert len(outputs) == 23
    assert outputs["source_labels"] is outputs["destination_labels"] is ValueType.STRING_MAP
    assert outputs["destination_pod_ip"] is ValueType.IP_ADDRESS
    assert "source_container_name" not in outputs


def test_typed_and_dynamic_fields_are_as_in_the_original() -> None:
    metric = TEMPLATES["metric"].fields
    assert metric["value"] is Dynamic.VALUE
    assert metric["dimensions"] is Dynamic.VALUE_MAP
    assert metric["monitored_resource_type"] is ValueType.STRING
    span = TEMPLATES["tracespan"].fields
    assert span["http_status_code"] is ValueType.INT64
    assert span["client_span"] is ValueType.BOOL
    assert span["source_ip"] is ValueType.IP_ADDRESS
