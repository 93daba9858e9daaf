"""Specs to pydantic models, with errors that name line, field, value and what is accepted.

A spec model names its fields in snake_case; a document may use that or lowerCamelCase, as proto3 JSON does. Types are
strict: a text is not a number and `yes` is not true. Unknown fields are refused with the nearest known name.
Decoding goes through JSON because pydantic's strict JSON mode is the rule wanted here: lists for tuples, texts
for enums, nothing else converted.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from mizzen.config.duration import format_duration
from mizzen.config.errors import HIDDEN, NO_VALUE, ConfigError
from mizzen.config.paths import Path, spellings_of, to_camel, to_snake
from mizzen.config.resource import Resource


class SpecModel(BaseModel):
    """Base of every model of a spec: strict, frozen, no unknown fields, both spellings of each name."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        ser_json_timedelta="float",
    )


Model = TypeVar("Model", bound=BaseModel)
JsonSchema: TypeAlias = Mapping[str, Any]


def invalid(reason: str, accepted: str) -> PydanticCustomError:
    """The error a validator of a spec model raises; `reason` reads after the value ("is not a CIDR")."""
    return PydanticCustomError("invalid", "{reason}", {"reason": reason, "accepted": accepted})


def decode_spec(
    model: type[Model], data: Mapping[str, Any], resource: Resource, at: Path = ("spec",)
) -> tuple[Model | None, list[ConfigError]]:
    """`data`, which stands at the path `at` of `resource`, as `model`; else None and every fault found."""
    schema = schema_of(model)
    doubled: list[Path] = []
    fields = _without_nulls(data, resolve_schema(schema, schema), schema, (), doubled)
    if doubled:
        return None, [
            resource.error((*at, *path), "is given in both spellings", accepted="one of them", key=True)
            for path in doubled
        ]
    try:
        return model.model_validate_json(json.dumps(fields)), []
    except ValidationError as failure:
        details = [fault for fault in failure.errors(include_url=False) if not _follows(fault, data, schema)]
        return None, [_to_config_error(fault, data, schema, resource, at) for fault in details]
    except (TypeError, ValueError) as error:
        return None, [resource.error(at, f"cannot be read: {error}")]


def _without_nulls(
    data: Any, node: Mapping[str, Any], schema: Mapping[str, Any], path: Path, doubled: list[Path]
) -> Any:
    """`data` without null fields, which are fields that are not given, as in proto3 JSON; a null in a free map stays.

    A field given in both spellings is put into `doubled`. Done before the model sees the data because a validator on
    the model itself would take pydantic out of its JSON mode.
    """
    if isinstance(data, list):
        items = resolve_schema(node.get("items", {}), schema)
        return [_without_nulls(item, items, schema, (*path, index), doubled) for index, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    properties = node.get("properties", {})
    kept: dict[str, Any] = {}
    for name, value in data.items():
        spelled = next((spelling for spelling in spellings_of(name) if spelling in properties), None)
        if spelled == name and to_camel(name) != name and to_camel(name) in data:
            doubled.append((*path, name))
        if spelled is None or value is not None:
            kept[name] = _without_nulls(value, schema_child(node, name, schema), schema, (*path, name), doubled)
    return kept


@functools.lru_cache(maxsize=256)
def schema_of(model: type[BaseModel]) -> JsonSchema:
    """The JSON schema of a model, by snake_case names; empty when the model has none."""
    try:
        return model.model_json_schema(by_alias=False)
    except Exception:  # a model with a type that has no JSON schema still decodes, its errors just say less
        return {}


def _to_config_error(
    fault: ErrorDetails, data: Mapping[str, Any], schema: Mapping[str, Any], resource: Resource, at: Path
) -> ConfigError:
    path, value, node = _locate(fault["loc"], data, schema)
    kind = fault["type"]
    context = fault.get("ctx", {})
    full = (*at, *path)
    if kind == "missing" and value is None:
        return resource.error(full, "has no value", accepted=_expected(node, schema), key=True)
    if kind == "missing":
        wanted = _as_written(str(fault["loc"][-1]), path, data)
        return resource.error(full, f"has no {wanted}", accepted=_expected(schema_child(node, wanted, schema), schema))
    if kind == "extra_forbidden":
        name, known = str(path[-1]), _known_fields(fault["loc"][:-1], data, schema)
        close = difflib.get_close_matches(to_snake(name), known, 1)
        spelled = [to_camel(field) for field in known] if _is_camel(name) else known
        accepted = f"did you mean {spelled[known.index(close[0])]}?" if close else ", ".join(sorted(spelled))
        return resource.error(full, "is not a known field", accepted=accepted or "no fields", key=True)
    bound = _duration_bound(fault, value)
    accepted = str(context.get("accepted") or context.get("expected") or bound or _expected(node, schema))
    if node.get("format") == "password":
        value = HIDDEN
    return resource.error(full, _reason(fault, node, value), value=value, accepted=accepted)


def _follows(fault: ErrorDetails, data: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    """Whether a list or mapping counts as too short only because its entries have faults, which are told."""
    if fault["type"] != "too_short":
        return False
    value = _locate(fault["loc"], data, schema)[1]
    return isinstance(value, list | dict) and len(value) >= fault["ctx"]["min_length"]


def _locate(loc: Sequence[str | int], data: Any, schema: Mapping[str, Any]) -> tuple[Path, object, Mapping[str, Any]]:
    """The path as the user spelled it, the value there, and its JSON schema. Steps that are not in the data (names of
    union members, pydantic's `[key]`) are passed over."""
    path: Path = ()
    node = resolve_schema(schema, schema)
    for step in loc:
        if isinstance(data, dict):
            spelled = next((name for name in spellings_of(str(step)) if name in data), None)
            if spelled is None:
                continue
            node, data, path = schema_child(node, spelled, schema), data[spelled], (*path, spelled)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            node, data, path = resolve_schema(node.get("items", {}), schema), data[step], (*path, step)
    return path, data if loc else NO_VALUE, node


def _known_fields(loc: Sequence[str | int], data: Any, schema: Mapping[str, Any]) -> list[str]:
    return list(_locate(loc, data, schema)[2].get("properties", {}))


def schema_child(node: JsonSchema, name: str, schema: JsonSchema) -> JsonSchema:
    """The schema of a field in either spelling, or of an entry of a map; empty when there is none."""
    properties = node.get("properties", {})
    for spelling in spellings_of(name):
        if spelling in properties:
            return resolve_schema(properties[spelling], schema)
    other = node.get("additionalProperties", {})
    return resolve_schema(other if isinstance(other, dict) else {}, schema)


def resolve_schema(node: JsonSchema, schema: JsonSchema) -> JsonSchema:
    """`node` after its references and without the null of an optional field; `schema` is the whole."""
    while True:
        if "$ref" in node:
            node = schema.get("$defs", {}).get(str(node["$ref"]).rsplit("/", 1)[-1], {})
        elif "anyOf" in node:
            options = [option for option in node["anyOf"] if option.get("type") != "null"]
            if len(options) != 1:
                return node
            node = options[0]
        else:
            return node


_TYPES = {
    "string": ("is not a text", "a text"),
    "integer": ("is not an integer", "an integer"),
    "number": ("is not a number", "a number"),
    "boolean": ("is not true or false", "true or false"),
    "array": ("is not a list", "a list"),
    "object": ("is not a mapping", "a mapping"),
}
_TYPE_FAULTS = re.compile(
    "(string|int|float|bool|list|tuple|set|dict|model|bytes|mapping)(_type|_parsing|_attributes_type|_from_float)?"
)


def _reason(fault: ErrorDetails, node: Mapping[str, Any], value: object) -> str:
    if _TYPE_FAULTS.fullmatch(fault["type"]) and node.get("type") in _TYPES:
        return _TYPES[node["type"]][0]
    if fault["type"] in ("enum", "literal_error"):
        return "is not one of the known values"
    if fault["type"] in ("too_short", "string_too_short"):
        return "has too few entries" if value else "is empty"
    if _duration_bound(fault, value):
        return "is too long" if fault["type"].startswith("less") else "is too short"
    text = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return re.sub(r"^Input should (be|have|match) ", r"should \1 ", text)


_DURATION_BOUNDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def _duration_bound(fault: ErrorDetails, value: object) -> str:
    """What is accepted of a duration that is out of its bounds: the model counts nanoseconds, the document does not."""
    context = fault.get("ctx", {})
    for name, words in _DURATION_BOUNDS.items():
        if isinstance(value, str) and isinstance(context.get(name), int):
            return f"a duration of {words} {format_duration(context[name])}"
    return ""


def _expected(node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(str(value) for value in node["enum"])
    if "const" in node:
        return str(node["const"])
    if "anyOf" in node:
        options = (_expected(resolve_schema(option, schema), schema) for option in node["anyOf"])
        return " or ".join(dict.fromkeys(option for option in options if option))
    text = _TYPES.get(str(node.get("type")), ("", ""))[1]
    bounds = [f"{sign} {node[name]}" for name, sign in _BOUNDS if name in node]
    if any(node.get(name) for name in _SIZES):
        return f"{text} that is not empty"
    return f"{text} {' and '.join(bounds)}" if bounds else text


_BOUNDS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
_SIZES = ("minLength", "minItems", "minProperties")


def _is_camel(name: str) -> bool:
    return name != name.lower()


def _as_written(name: str, path: Path, data: Mapping[str, Any]) -> str:
    """The name of a missing field, in the spelling its neighbours use."""
    for step in path:
        data = data[step]  # type: ignore[index]
    return to_camel(name) if any(_is_camel(str(key)) for key in data) else to_snake(name)
