from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from mizzen.mixer.adapters.otlp.values import add_attributes
from mizzen.mixer.expr import Duration, Timestamp, Value


def shown(value: Value | None) -> AnyValue | None:
    resource = Resource()
    add_attributes(resource.attributes, {"x": value})
    read = Resource.FromString(resource.SerializeToString())
    return read.attributes[0].value if read.attributes else None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", AnyValue(string_value="text")),
        ("", AnyValue(string_value="")),
        ("\ud800ü", AnyValue(string_value="?ü")),
        (True, AnyValue(bool_value=True)),
        (-(2**63), AnyValue(int_value=-(2**63))),
        (0.5, AnyValue(double_value=0.5)),
        (bytes([10, 0, 0, 1]), AnyValue(string_value="10.0.0.1")),
        (Timestamp(0), AnyValue(string_value="1970-01-01T00:00:00.000000Z")),
        (Duration(1_500_000), AnyValue(string_value="1.5ms")),
        (None, None),
    ],
)
def test_values_keep_their_types_where_there_is_one(value: Value | None, expected: AnyValue | None) -> None:
    assert shown(value) == expected


def test_a_map_is_a_list_of_pairs_also_when_it_is_empty() -> None:
    pairs = shown({"b": "2", "a": "1"})
    assert pairs is not None
    assert [(pair.key, pair.value.string_value) for pair in pairs.kvlist_value.values] == [("a", "1"), ("b", "2")]
    empty = shown({})
    assert empty is not None
    assert empty.WhichOneof("value") == "kvlist_value"


def test_attributes_are_in_the_order_of_their_names() -> None:
    resource = Resource()
    add_attributes(resource.attributes, {"b": 1, "a": 2, "none": None})
    assert [pair.key for pair in resource.attributes] == ["a", "b"]


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=4)))
def test_any_map_of_texts_can_be_sent(value: dict[str, str]) -> None:
    assert shown(value) is not None
