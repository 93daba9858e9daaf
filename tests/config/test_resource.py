from __future__ import annotations

import pytest

from mizzen.config import ConfigError, Resource, parse_documents, read_resources


def read(text: str) -> tuple[list[Resource], list[str]]:
    documents, errors = parse_documents(text, "f")
    resources, faults = read_resources(documents)
    return resources, [str(error) for error in [*errors, *faults]]


def test_the_key_is_name_kind_namespace() -> None:
    (resource,), errors = read("kind: rule\nmetadata: {name: deny, namespace: prod}\nspec: {}\n")
    assert not errors
    assert resource.key == "deny.rule.prod"


def test_a_missing_namespace_is_the_default_one() -> None:
    (resource,), errors = read("apiVersion: config.istio.io/v1alpha2\nkind: rule\nmetadata: {name: deny}\nspec:\n")
    assert not errors
    assert (resource.namespace, resource.group, resource.spec) == ("istio-system", "config.istio.io", {})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[1]", "f:1:1: is not a resource; accepted: a mapping with kind, metadata and spec"),
        ("steps: []", "f:1:1: is not a resource; accepted: a mapping with kind, metadata and spec"),
        ("kind: rule", "f:1:1: has no metadata; accepted: metadata with a name"),
        ("kind: rule\nmetadata: {}", "f:2:11: metadata: has no name; accepted: kind, metadata.name and spec"),
        ("metadata: {name: a}", "f:1:1: has no kind; accepted: kind, metadata.name and spec"),
        ("kind: 3\nmetadata: {name: a}", "f:1:7: kind: 3 is not a text; accepted: a text that is not empty"),
        ("kind: rule\nmetadata: {name: a}\nspec: [1]", "f:3:7: spec: [1] is not a mapping; accepted: a mapping"),
        (
            "kind: rule\nmetadata: {name: a}\nspecs: {}",
            "f:3:1: specs: is not a known field; accepted: did you mean spec?",
        ),
        (
            "kind: rule\nmetadata: {name: a, nmae: b}",
            "f:2:21: metadata.nmae: is not a known field; accepted: did you mean name?",
        ),
        (
            "kind: rule\nmetadata: {name: a/b}",
            'f:2:18: metadata.name: "a/b" is not a name; accepted: '
            "letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
        ),
        (
            "kind: rule\nmetadata: {name: a, labels: {x: 1}}",
            'f:2:29: metadata.labels: {"x": 1} is not a map of texts; accepted: texts by name',
        ),
    ],
)
def test_a_faulty_head_names_place_value_and_what_is_accepted(text: str, error: str) -> None:
    resources, errors = read(text)
    assert not resources
    assert errors == [error]


def test_resources_of_other_groups_may_have_any_shape() -> None:
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {x: 1}}\ndata: {}\n"
    kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n"
    deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\nspec: {}\n"
    resources, errors = read(f"{config_map}---\n{kustomization}---\n{deployment}")
    assert not errors
    assert [resource.key for resource in resources] == ["b.Deployment.istio-system"]


def test_a_list_as_kubectl_prints_it_gives_its_entries() -> None:
    resources, errors = read(
        "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n"
        "- {kind: rule, metadata: {name: a}, spec: {match: x}}\n"
        "- kind: rule\n  metadata: {name: b/c}\n"
        "- [1]\n"
    )
    (rule,) = resources
    assert rule.key == "a.rule.istio-system"
    assert str(rule.error(("spec", "match"), "is odd")).startswith("f:5:51: a.rule.istio-system: spec.match: is odd")
    assert str(rule.moved(10).error(("spec", "match"), "is odd")).startswith("f:15:51: ")
    assert [error.split(";")[0] for error in errors] == [
        'f:7:20: metadata.name: "b/c" is not a name',
        "f:8:3: is not a resource",
    ]


def test_the_name_of_a_resource_without_metadata_is_not_complained_about_twice() -> None:
    _, errors = read("kind: rule\nmetadata:\n")
    assert len(errors) == 1


def test_an_error_has_a_form_for_people_and_one_for_programs() -> None:
    (resource,), _ = read("kind: rule\nmetadata: {name: deny}\nspec: {match: 7}\n")
    error = resource.error(("spec", "match"), "is not a text", value=7, accepted="a text")
    assert error.to_text() == (
        "error: spec.match: 7 is not a text\n  at       f:3:15\n  resource deny.rule.istio-system\n  accepted a text"
    )
    assert error.to_dict() == {
        "file": "f",
        "line": 3,
        "column": 15,
        "resource": "deny.rule.istio-system",
        "field": "spec.match",
        "value": "7",
        "reason": "is not a text",
        "accepted": "a text",
    }
    assert error == resource.error(("spec", "match"), "is not a text", value=7, accepted="a text")
    assert isinstance(error, ConfigError)


def test_a_long_value_is_cut_in_messages() -> None:
    error = ConfigError("is wrong", value="x" * 1000)
    assert len(str(error)) < 100
