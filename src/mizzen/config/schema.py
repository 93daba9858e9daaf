"""JSON schemas of spec models for editors: draft 7, both spellings of every name, readable defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from mizzen.config.duration import format_duration
from mizzen.config.paths import to_camel
from mizzen.config.spec import schema_of

SPELLING = "spelling"
"""In the schema of a model's field: the only name the field has in a document, where that is no Python name."""

_DROPPED = frozenset(["title", "writeOnly", "default", SPELLING])
_FITTING: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def model_schema(model: type[BaseModel], definitions: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The schema of `model`. Classes it uses are put into `definitions`, their names behind `prefix`."""
    whole = schema_of(model)

    def name_of(reference: str) -> str:
        return f"{prefix}.{reference.rsplit('/', 1)[-1]}"

    for name, node in whole.get("$defs", {}).items():
        definitions[name_of(name)] = _converted(node, name_of)
    return _converted({name: part for name, part in whole.items() if name != "$defs"}, name_of)


def both_spellings(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The part of an object's schema that says which fields it has: each by its snake_case and lowerCamelCase name,
    those of `required` by either, and no others."""
    spelled = {spelling: node for name, node in properties.items() for spelling in (to_camel(name), name)}
    part: dict[str, Any] = {"type": "object", "properties": spelled, "additionalProperties": False}
    wanted = [name for name in required if to_camel(name) == name]
    if wanted:
        part["required"] = wanted
    either = [
        {"anyOf": [{"required": [to_camel(name)]}, {"required": [name]}]} for name in required if name not in wanted
    ]
    return part | ({"allOf": either} if either else {})


def _converted(node: Mapping[str, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    if "$ref" in node:
        return {"$ref": f"#/definitions/{name_of(node['$ref'])}"}
    found = {name: _part(name, part, name_of) for name, part in node.items() if name not in _DROPPED}
    if "description" in node:
        found["description"] = " ".join(str(node["description"]).split())
    properties = node.get("properties")
    if properties is not None and node.get("additionalProperties") is False:
        del found["properties"]
        found.pop("required", None)
        spelled = {name: str(part.get(SPELLING, name)) for name, part in properties.items()}
        fields = {spelled[name]: _converted(part, name_of) for name, part in properties.items()}
        found |= both_spellings(fields, tuple(spelled[name] for name in node.get("required", ())))
    return found | _default(node)


def _part(name: str, part: Any, name_of: Callable[[str], str]) -> Any:
    if name == "properties":
        return {inner: _converted(node, name_of) for inner, node in part.items()}
    if name in ("items", "additionalProperties") and isinstance(part, Mapping):
        return _converted(part, name_of)
    if name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [_converted(option, name_of) for option in part]
    return part


def _default(node: Mapping[str, Any]) -> dict[str, Any]:
    """The default as a person would write it: durations as texts; enumerations and secrets have none."""
    default = node.get("default")
    if default in (None, "", [], {}) or node.get("format") == "password":
        return {}
    if node.get("type") == "string" and isinstance(default, int):
        return {"default": format_duration(default)}
    fitting = _FITTING.get(str(node.get("type")))
    return {"default": default} if fitting is not None and isinstance(default, fitting) else {}
