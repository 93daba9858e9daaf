"""What a real Kubernetes says to roles and bindings, with the custom resources and the policy of deploy/kubernetes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kubernetes.cluster import ROLES, Cluster
from tests.mixer.adapters.rbac.documents import binding, resource, role

from mizzen.testing import wait_until

CONSTRAINT = {"key": "k", "values": ["v"], "x": 1}


def a_role(spec: Any) -> dict[str, Any]:
    return resource("ServiceRole", "r", "default", spec)


def a_binding(spec: Any) -> dict[str, Any]:
    return resource("ServiceRoleBinding", "b", "default", spec)


UNKNOWN_FIELDS = [
    a_role({"rules": [{"services": ["cart"], "method": ["GET"]}]}),
    a_role({"rules": [{"services": ["cart"]}], "rule": []}),
    a_role({"rules": [{"services": ["c"], "constraints": [CONSTRAINT]}]}),
    a_binding({"subjects": [{"user": "ann", "usr": "x"}], "roleRef": {"name": "r"}}),
    a_binding({"subjects": [{"user": "ann"}], "roleRef": {"name": "r", "nam": "x"}}),
    a_binding({"subjects": [{}], "roleRef": {"name": "r"}}),
]
ILL_TYPED = [
    a_role({"rules": []}),
    a_role({"rules": [{"services": "cart"}]}),
    a_role({"rules": [{"methods": ["GET"]}]}),
    a_binding({"subjects": [{"user": "ann"}]}),
    a_binding({"subjects": [{"user": "ann"}], "roleRef": {"kind": "Role", "name": "r"}}),
]


def refusal(cluster: Cluster, document: dict[str, Any]) -> str:
    """What the cluster says to the document if it refuses it; it is not kept."""
    plural = document["kind"].lower() + "s"
    answer = cluster.client.post(f"{ROLES}/namespaces/default/{plural}", json=document, params={"dryRun": "All"})
    return str(answer.json()["message"]) if answer.is_error else ""


@pytest.mark.parametrize("document", UNKNOWN_FIELDS)
def test_what_the_mixer_would_refuse_is_refused_when_it_is_applied(cluster: Cluster, document: dict[str, Any]) -> None:
    reason = wait_until(lambda: refusal(cluster, document), "the policy is in force")
    assert "has an unknown field; accepted: " in reason or "a subject names nobody; accepted: " in reason


@pytest.mark.parametrize("document", ILL_TYPED)
def test_what_has_a_wrong_type_or_is_missing_is_refused_by_the_schema(
    cluster: Cluster, document: dict[str, Any]
) -> None:
    assert "is invalid: spec." in refusal(cluster, document)


CONDITIONS = [{"key": "version", "values": ["v1", "v2*"]}]
FULL_RULE = {"services": ["*"], "paths": ["/a*"], "methods": ["GET"], "constraints": CONDITIONS}
FULL_SUBJECTS = [{"user": "ann", "group": "staff", "properties": {"source.app": "web"}}, {"properties": {"a": "b"}}]


@pytest.mark.parametrize(
    "document",
    [
        role("default"),
        binding("default"),
        a_role({"rules": [FULL_RULE]}),
        a_binding({"subjects": FULL_SUBJECTS, "roleRef": {"name": "r"}}),
    ],
)
def test_what_the_mixer_takes_is_taken(cluster: Cluster, document: dict[str, Any]) -> None:
    assert refusal(cluster, document) == ""
