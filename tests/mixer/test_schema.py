"""The JSON schema says what the Mixer says, as far as a schema can."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from mizzen.config import parse_documents
from mizzen.mixer.adapters import ADAPTERS
from mizzen.mixer.extensions import Catalog
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.schema import known_kinds, resource_schema
from mizzen.mixer.templates import TEMPLATES

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "schema/mizzen.schema.json"
OWN_ADAPTERS = sorted(path for path in (ROOT / "examples/adapters").iterdir() if (path / "policies").is_dir())
WITHOUT_OWN_ADAPTERS = sorted(
    [*ROOT.glob("examples/*/policies/*.yaml"), *(ROOT / "src/mizzen/demo/policies").glob("*.yaml")]
)


def documents(path: Path) -> list[Any]:
    found, errors = parse_documents(path.read_text(), path.name)
    assert not errors
    return [document.value for document in found]


def faults(document: object, schema: Mapping[str, Any] | None = None) -> list[str]:
    """The faults with their places, sorted."""
    validator = Draft7Validator(schema or resource_schema())
    return sorted(
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)
    )


def handler(adapter: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"kind": "handler", "metadata": {"name": "h"}, "spec": {"compiledAdapter": adapter, "params": params}}


def test_the_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(resource_schema())


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert json.loads(COMMITTED.read_text()) == resource_schema(), "run: make schema"


@pytest.mark.parametrize("path", WITHOUT_OWN_ADAPTERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_example_and_the_demonstration_are_valid(path: Path) -> None:
    found = documents(path)
    assert found
    for document in found:
        assert faults(document) == []


@pytest.mark.parametrize("folder", OWN_ADAPTERS, ids=lambda folder: folder.name)
def test_examples_with_adapters_of_their_own_are_valid_by_their_own_schema(folder: Path) -> None:
    catalog = Catalog([folder / "adapters" if (folder / "adapters").is_dir() else folder])
    catalog.refresh()
    assert not catalog.errors
    schema = resource_schema(catalog.inventory)
    for path in (folder / "policies").glob("*.yaml"):
        for document in documents(path):
            assert faults(document, schema) == []


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_every_adapter_has_a_schema_of_its_parameters(name: str) -> None:
    definition = resource_schema()["definitions"][f"adapter.{name}"]
    assert set(ADAPTERS[name].Params.model_fields) <= set(definition["properties"])
    assert faults(handler(name, {"no_such_field": 1})) != []


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_has_a_schema_of_its_fields(name: str) -> None:
    spec = {"compiledTemplate": name, "params": dict.fromkeys(TEMPLATES[name].fields, 5) | {"no_such_field": "x"}}
    found = faults({"kind": "instance", "metadata": {"name": "i"}, "spec": spec})
    assert any("no_such_field" in fault for fault in found)
    assert len(found) == 1 + len(TEMPLATES[name].fields)


@pytest.mark.parametrize("kind", ["checknothing", "kubernetesenv", "rule"])
def test_a_spec_may_be_left_empty(kind: str) -> None:
    assert faults({"kind": kind, "metadata": {"name": "x"}, "spec": None}) == []
    assert faults({"kind": kind, "metadata": {"name": "x"}}) == []
    assert faults({"kind": kind, "metadata": {"name": "x"}, "spec": "text"}) != []


def test_parameters_may_be_left_empty() -> None:
    spec = {"compiledTemplate": "checknothing", "params": None}
    assert faults({"kind": "instance", "metadata": {"name": "x"}, "spec": spec}) == []


def test_a_field_whose_name_is_a_sign_has_that_name_only() -> None:
    detail = {"@type": "type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse", "code": 403}
    assert faults(handler("denier", {"status": {"details": [detail]}})) == []
    assert faults(handler("denier", {"status": {"details": [{"code": 403}]}})) != []
    assert faults(handler("denier", {"status": {"details": [{"typeUrl": detail["@type"]}]}})) != []


def test_parameters_are_those_of_the_adapter_that_is_named() -> None:
    assert faults(handler("denier", {"status": {"code": 7}})) == []
    assert faults(handler("noop", {"status": {"code": 7}})) != []
    assert faults(handler("denyer", {})) == [
        f"spec.compiledAdapter: 'denyer' is not one of {sorted(Inventory().adapters)}"
    ]


@pytest.mark.parametrize("field", ["valid_duration", "validDuration"])
def test_both_spellings_are_known(field: str) -> None:
    assert faults({"kind": "denier", "metadata": {"name": "h"}, "spec": {field: "5s"}}) == []
    assert faults({"kind": "denier", "metadata": {"name": "h"}, "spec": {field: 5}}) == [
        f"spec.{field}: 5 is not of type 'string'"
    ]


@pytest.mark.parametrize("field", ["compiled_adapter", "compiledAdapter"])
def test_a_field_that_is_needed_may_have_either_spelling(field: str) -> None:
    assert faults({"kind": "handler", "metadata": {"name": "h"}, "spec": {field: "noop"}}) == []
    assert faults({"kind": "handler", "metadata": {"name": "h"}, "spec": {}}) != []


def test_enumerations_take_names_and_numbers() -> None:
    def rule(operation: object) -> Mapping[str, Any]:
        operations = [{"name": "x", "values": ["y"], "operation": operation}]
        return {"kind": "rule", "metadata": {"name": "r"}, "spec": {"requestHeaderOperations": operations}}

    assert faults(rule("APPEND")) == faults(rule(2)) == []
    assert len(faults(rule("ADD"))) == len(faults(rule(3))) == 1


def test_an_unknown_kind_is_a_fault_in_the_mixers_group_alone() -> None:
    unknown = {"kind": "ruler", "metadata": {"name": "r"}, "spec": {}}
    assert len(faults(unknown)) == len(faults({**unknown, "apiVersion": "config.istio.io/v1alpha2"})) == 1
    assert faults({"apiVersion": "networking.istio.io/v1alpha3", **unknown, "extra": 1}) == []
    assert faults({"kind": "QuotaSpec", "metadata": {"name": "q"}, "spec": {"rules": []}}) == []


def test_the_older_kind_of_a_generator_has_bindings_beside_its_fields() -> None:
    spec = {"source_uid": "source.uid", "attribute_bindings": {"source.name": "$out.source_pod_name"}}
    assert faults({"kind": "kubernetes", "metadata": {"name": "k"}, "spec": spec}) == []


@pytest.mark.parametrize("kind", known_kinds(Inventory()))
def test_the_schema_of_one_kind_refuses_others(kind: str) -> None:
    schema = resource_schema(kind=kind)
    Draft7Validator.check_schema(schema)
    other = "rule" if kind != "rule" else "handler"
    assert any("is not one of" in fault for fault in faults({"kind": other, "metadata": {"name": "x"}}, schema))


def test_a_kind_that_is_not_known_has_no_schema() -> None:
    with pytest.raises(KeyError):
        resource_schema(kind="nothing")


def test_secrets_and_times_are_shown_as_people_write_them() -> None:
    fields = resource_schema()["definitions"]["adapter.redisquota"]["properties"]
    assert "default" not in fields["redis_server_url"]
    assert fields["timeout"] == {"type": "string", "default": "0.5s"}
