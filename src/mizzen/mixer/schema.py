"""The JSON schema of all resources that a Mixer reads, for editors (yaml-language-server and others).

What `params` of a handler or an instance may hold depends on its adapter or template, and `spec` on the kind: the
schema says so with conditions. It tells what can be told without looking at other resources; expressions, references
and limits between fields are for `mizzen validate`. Fields that are null, which count as not given, are not in it, but
for `spec` and `params`, which are often left empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mizzen.config.kinds import AttributeManifest, Handler, Instance, Rule
from mizzen.config.paths import to_camel
from mizzen.config.schema import both_spellings, model_schema
from mizzen.mixer.expr import ValueType
from mizzen.mixer.runtime.inventory import HANDLER, INSTANCE, MANIFEST, PROXY_KINDS, RULE, Inventory
from mizzen.mixer.templates import Dynamic, Template, Variety
from mizzen.mixer.templates.template import FieldType, Message

_DRAFT = "http://json-schema.org/draft-07/schema#"
_GROUP_PATTERN = r"^config\.istio\.io/"
_NAME_PATTERN = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_GIVEN = {"type": "object"}
_BINDINGS = "attribute_bindings"

Schema = dict[str, Any]


def known_kinds(inventory: Inventory) -> list[str]:
    """The kinds that a schema can be had of."""
    return [RULE, HANDLER, INSTANCE, MANIFEST, *sorted(inventory.adapters), *sorted(inventory.templates)]


def resource_schema(inventory: Inventory | None = None, kind: str = "") -> Schema:
    """The schema of one document: of any kind, or of `kind` alone. KeyError for a kind that is not known."""
    specs = _Specs(inventory or Inventory())
    kinds = [kind] if kind else known_kinds(specs.inventory)
    branches = [
        _when({"kind": {"const": one}, "spec": _GIVEN}, {"properties": {"spec": specs.of(one)}}) for one in kinds
    ]
    own = {
        "required": ["kind", "metadata"],
        "properties": {
            "apiVersion": {"type": "string", "description": "config.istio.io/v1alpha2; may be left out."},
            "kind": {"enum": kinds if kind else [*kinds, *sorted(PROXY_KINDS)]},
            "metadata": {"$ref": "#/definitions/metadata"},
            "spec": {"type": ["object", "null"]},
            "status": {"description": "Written by Kubernetes; passed over."},
        },
        "additionalProperties": False,
        "allOf": branches,
    }
    return {
        "$schema": _DRAFT,
        "title": f"Mizzen: {kind or 'resources of the Mixer'}",
        "type": "object",
        "if": {"properties": {"apiVersion": {"type": "string", "pattern": _GROUP_PATTERN}}},
        "then": own,
        "definitions": {"metadata": _metadata(), **specs.definitions},
    }


class _Specs:
    """The schema of each kind's `spec`; collects definitions on the way."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.definitions: dict[str, Any] = {}

    def of(self, kind: str) -> Schema:
        if kind == RULE:
            return self._define(kind, lambda: model_schema(Rule, self.definitions, kind))
        if kind == MANIFEST:
            return self._define(kind, lambda: model_schema(AttributeManifest, self.definitions, kind))
        if kind == HANDLER:
            return self._define(kind, self._handler)
        if kind == INSTANCE:
            return self._define(kind, self._instance)
        if kind in self.inventory.adapters:
            return self._adapter(kind)
        return self._template(self.inventory.templates[kind])

    def _define(self, name: str, make: Callable[[], Schema]) -> Schema:
        if name not in self.definitions:
            self.definitions[name] = {}  # takes the place, so that the order is that of the kinds
            self.definitions[name] = make()
        return {"$ref": f"#/definitions/{name}"}

    def _handler(self) -> Schema:
        adapters = {name: self._adapter(name) for name in sorted(self.inventory.adapters)}
        return _by_name(model_schema(Handler, self.definitions, HANDLER), "compiled_adapter", adapters)

    def _instance(self) -> Schema:
        templates = {name: self._params(one) for name, one in sorted(self.inventory.templates.items())}
        return _by_name(model_schema(Instance, self.definitions, INSTANCE), "compiled_template", templates)

    def _adapter(self, name: str) -> Schema:
        place = f"adapter.{name}"
        model = self.inventory.adapters[name].Params
        return self._define(place, lambda: model_schema(model, self.definitions, place))

    def _template(self, template: Template) -> Schema:
        """The spec of a template's own kind; a generator's has bindings beside its fields."""
        if template.variety is not Variety.ATTRIBUTE_GENERATOR:
            return self._params(template)
        fields = {name: _field(type_) for name, type_ in template.fields.items()}
        return self._define(f"kind.{template.name}", lambda: both_spellings({**fields, _BINDINGS: _TEXTS}))

    def _params(self, template: Template) -> Schema:
        fields = {name: _field(type_) for name, type_ in template.fields.items()}
        return self._define(f"template.{template.name}", lambda: both_spellings(fields))


def _by_name(schema: Schema, field: str, params: Mapping[str, Schema]) -> Schema:
    """`schema` with the names that `field` may have, and for each what `params` then are."""
    properties = schema["properties"]
    for spelling in (to_camel(field), field):
        properties[spelling] = {"enum": list(params)}
    properties["params"] = {"type": ["object", "null"]}
    conditions = [
        _when({spelling: {"const": name}, "params": _GIVEN}, {"properties": {"params": one}})
        for name, one in params.items()
        for spelling in (to_camel(field), field)
    ]
    return schema | {"allOf": [*schema.get("allOf", ()), *conditions]}


def _when(properties: Mapping[str, Any], then: Schema) -> Schema:
    return {"if": {"required": list(properties), "properties": dict(properties)}, "then": then}


def _field(type_: FieldType) -> Schema:
    if isinstance(type_, Message):
        return both_spellings({name: _field(inner) for name, inner in type_.fields.items()})
    if type_ is Dynamic.VALUE_MAP:
        return {"type": "object", "additionalProperties": _expression(), "description": "Expressions by name."}
    return _expression(type_ if isinstance(type_, ValueType) else None)


def _expression(type_: ValueType | None = None) -> Schema:
    kind = f" of type {type_}" if type_ is not None else ""
    return {"type": "string", "description": f"An expression{kind}."}


def _metadata() -> Schema:
    name = {"type": "string", "pattern": _NAME_PATTERN, "maxLength": 253}
    fields = {"name": name, "namespace": name, "labels": _TEXTS, "annotations": _TEXTS}
    return {"type": "object", "required": ["name"], "properties": fields}
