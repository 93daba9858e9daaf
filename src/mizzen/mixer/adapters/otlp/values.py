"""Values, attributes and resources as OTLP has them."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from mizzen.mixer.adapters.texts import stringify
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Values

SCOPE = InstrumentationScope(name="mizzen")


def attributes_of(values: Values) -> list[KeyValue]:
    """Attributes in the order of their names; null is left out."""
    return [KeyValue(key=name, value=_any(value)) for name, value in sorted(values.items()) if value is not None]


def resource_of(attributes: Mapping[str, str]) -> Resource:
    return Resource(attributes=attributes_of(attributes))


def _any(value: Value) -> AnyValue:
    """Texts, integers, floats, bools and maps as they are; addresses, times and durations as texts."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Mapping):
        pairs = [KeyValue(key=_text(key), value=AnyValue(string_value=_text(value[key]))) for key in sorted(value)]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    return AnyValue(string_value=_text(stringify(value)))


def _text(text: str) -> str:
    """Protobuf refuses texts that are not Unicode."""
    return text if text.isascii() else text.encode(errors="replace").decode()
