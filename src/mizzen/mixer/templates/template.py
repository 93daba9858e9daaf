"""A template as data: its name, its variety, its fields and the class of its instances."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from mizzen.mixer.expr import ValueType, Vocabulary
from mizzen.mixer.templates.instances import Instance

if TYPE_CHECKING:
    from mizzen.mixer.templates.builder import InstanceBuilder


class Variety(enum.IntEnum):
    """When instances of a template are made and what comes back; numbers as in Istio's template extensions."""

    CHECK = 0
    REPORT = 1
    QUOTA = 2
    ATTRIBUTE_GENERATOR = 3
    CHECK_WITH_OUTPUT = 4


class Dynamic(enum.Enum):
    """A field whose type is that of its expression."""

    VALUE = "value of any type"
    VALUE_MAP = "map of values of any type"


@dataclass(frozen=True)
class Message:
    """A field that has fields of its own; `type` is the class built from them."""

    type: type
    fields: Mapping[str, FieldType]


FieldType: TypeAlias = ValueType | Dynamic | Message
"""A `ValueType` is a field of exactly that type; no conversion takes place."""


@dataclass(frozen=True)
class Template:
    """The schema of adapter input.

    `fields` are named in snake_case, in the order of the attributes of `instance_type` after `name`; configuration may
    spell them in lowerCamelCase as well. `outputs` are what a generator (or a check with output) may return, by
    name: bindings refer to them as `$out.<name>`.
    """

    name: str
    variety: Variety
    instance_type: type[Instance]
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    outputs: Mapping[str, ValueType] = field(default_factory=dict)

    def compile(self, instance_name: str, params: Mapping[str, object], vocabulary: Vocabulary) -> InstanceBuilder:
        """The builder of the instance `instance_name` (its canonical name).

        `params` holds an expression for each field and nothing else (attribute bindings are not part of it). Raises
        `InstanceCompileError`, which carries every problem found.
        """
        from mizzen.mixer.templates.builder import compile_instance  # the builder needs this module's types

        return compile_instance(self, instance_name, params, vocabulary)
