from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from mizzen.mixer.templates import Dynamic, Message
from mizzen.sdk import DeclarationError, Duration, Instance, Timestamp, Value, Values, ValueType, Variety, template_of
from mizzen.testing import build_instance


@dataclass(slots=True)
class Place:
    site: str = ""
    floor: int = 0


@dataclass(slots=True)
class Everything(Instance):
    template: ClassVar[str] = "everything"
    text: str = ""
    number: int = 0
    share: float = 0.0
    flag: bool = False
    address: bytes | None = None
    at: Timestamp | None = None
    took: Duration | None = None
    labels: Mapping[str, str] | None = None
    any_value: Value | None = None
    more: Values = field(default_factory=dict)
    place: Place = field(default_factory=Place)


def test_each_type_of_python_stands_for_one_type_of_the_configuration() -> None:
    template = template_of(Everything, Variety.CHECK)
    assert (template.name, template.variety) == ("everything", Variety.CHECK)
    assert template.fields == {
        "text": ValueType.STRING,
        "number": ValueType.INT64,
        "share": ValueType.DOUBLE,
        "flag": ValueType.BOOL,
        "address": ValueType.IP_ADDRESS,
        "at": ValueType.TIMESTAMP,
        "took": ValueType.DURATION,
        "labels": ValueType.STRING_MAP,
        "any_value": Dynamic.VALUE,
        "more": Dynamic.VALUE_MAP,
        "place": Message(Place, {"site": ValueType.STRING, "floor": ValueType.INT64}),
    }


def test_an_instance_of_a_declared_template_is_built_from_attributes() -> None:
    params = {
        "text": "source.name",
        "number": "response.code",
        "anyValue": "request.size",
        "labels": "source.labels",
        "more": {"host": 'request.host | "none"'},
        "place": {"site": '"x"'},
    }
    attributes: dict[str, Value] = {
        "source.name": "mia",
        "response.code": 7,
        "request.size": 9,
        "source.labels": {"a": "b"},
    }
    found = build_instance(template_of(Everything, Variety.REPORT), params, attributes, name="n")
    assert found == Everything("n", "mia", 7, any_value=9, labels={"a": "b"}, more={"host": "none"}, place=Place("x"))


def test_outputs_belong_to_templates_that_have_some() -> None:
    outputs = {"level": ValueType.INT64}
    assert template_of(Everything, Variety.CHECK_WITH_OUTPUT, outputs).outputs == outputs
    with pytest.raises(DeclarationError, match="everything has outputs, but REPORT has none"):
        template_of(Everything, Variety.REPORT, outputs)


@dataclass(slots=True)
class Nameless(Instance):
    text: str = ""


@dataclass(slots=True)
class WithoutDefault(Instance):
    template: ClassVar[str] = "bare"
    text: str


@dataclass(slots=True)
class Unknown(Instance):
    template: ClassVar[str] = "unknown"
    text: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (Nameless, "Nameless has no name"),
        (WithoutDefault, "WithoutDefault.text has no default"),
        (Unknown, r"Unknown.text is of type list\[str\]; accepted: str, int"),
    ],
)
def test_a_class_that_cannot_be_an_instance_is_refused(declared: Any, text: str) -> None:
    with pytest.raises(DeclarationError, match=text):
        template_of(declared, Variety.CHECK)
