"""Templates from classes: the fields of a dataclass say what the configuration may give."""

from __future__ import annotations

import dataclasses
import functools
import operator
import types
import typing
from collections.abc import Mapping
from typing import Any

from mizzen.mixer.expr import Duration, Timestamp, Value, ValueType
from mizzen.mixer.templates import Dynamic, FieldType, Instance, Message, Template, Values, Variety

_TYPES: tuple[tuple[object, FieldType], ...] = (
    (str, ValueType.STRING),
    (int, ValueType.INT64),
    (float, ValueType.DOUBLE),
    (bool, ValueType.BOOL),
    (bytes, ValueType.IP_ADDRESS),
    (Timestamp, ValueType.TIMESTAMP),
    (Duration, ValueType.DURATION),
    (Mapping[str, str], ValueType.STRING_MAP),
    (Values, Dynamic.VALUE_MAP),
    (Value, Dynamic.VALUE),
)
_ACCEPTED = (
    "str, int, float, bool, bytes (an IP address), Timestamp, Duration, Mapping[str, str], Value, Values, "
    "or a dataclass of these; each also with | None"
)


class DeclarationError(TypeError):
    """A class cannot be the instance of a template."""


def template_of(
    instance_type: type[Instance], variety: Variety, outputs: Mapping[str, ValueType] | None = None
) -> Template:
    """The template of a dataclass derived from `Instance`; its class variable `template` is the name.

    Every field needs a default: it is what an empty expression gives. `outputs` are for the varieties
    ATTRIBUTE_GENERATOR and CHECK_WITH_OUTPUT. Raises `DeclarationError`.
    """
    name = instance_type.template
    if not name:
        raise DeclarationError(f"{instance_type.__name__} has no name; accepted: template: ClassVar[str] = 'NAME'")
    with_outputs = variety in (Variety.ATTRIBUTE_GENERATOR, Variety.CHECK_WITH_OUTPUT)
    if outputs and not with_outputs:
        raise DeclarationError(f"{name} has outputs, but {variety.name} has none")
    fields = _fields(instance_type, skip=("name",))
    return Template(name, variety, instance_type, fields, dict(outputs or {}))


def _fields(owner: type[Any], skip: tuple[str, ...] = ()) -> dict[str, FieldType]:
    if not dataclasses.is_dataclass(owner):
        raise DeclarationError(f"{owner.__name__} is not a dataclass")
    hints = typing.get_type_hints(owner)
    fields: dict[str, FieldType] = {}
    for field in dataclasses.fields(owner):
        if field.name in skip:
            continue
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise DeclarationError(f"{owner.__name__}.{field.name} has no default")
        fields[field.name] = _type(hints[field.name], f"{owner.__name__}.{field.name}")
    return fields


def _type(hint: object, place: str) -> FieldType:
    bare = _without_none(hint)
    for known, field_type in _TYPES:
        if hint == known or bare == known or bare == _without_none(known):
            return field_type
    if isinstance(bare, type) and dataclasses.is_dataclass(bare):
        return Message(bare, _fields(bare))
    raise DeclarationError(f"{place} is of type {hint}; accepted: {_ACCEPTED}")


def _without_none(hint: object) -> object:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    rest = [option for option in typing.get_args(hint) if option is not type(None)]
    return functools.reduce(operator.or_, rest) if rest else hint
