"""Roles and bindings from a real Kubernetes, read with the account that deploy/kubernetes gives the Mixer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from tests.kubernetes.cluster import ACCOUNT, DEPLOY, ROLES, Cluster
from tests.kubernetes.control_plane import ApiServer
from tests.mixer.adapters.rbac.documents import binding, role

from mizzen.mixer.adapters import Code
from mizzen.mixer.adapters.rbac import RbacAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import Action, Authorization, Subject
from mizzen.testing import wait_until

Builder = Callable[..., RbacAdapter]
SECONDS = 120.0  # pauses between requests grow


@pytest.fixture
def build(cluster: Cluster, tmp_path: Path) -> Iterator[Builder]:
    """Handlers of the cluster, closed at the end."""
    handlers: list[RbacAdapter] = []

    def make(query: str = "", kubeconfig: str = "", **params: str) -> RbacAdapter:
        url = f"k8s://{kubeconfig or cluster.write_kubeconfig(tmp_path)}{query}"
        handlers.append(AdapterBench().build(RbacAdapter, {"config_store_url": url, **params}))
        return handlers[-1]

    yield make
    for handler in handlers:
        handler.close()


@pytest.fixture
def shop(cluster: Cluster) -> str:
    return cluster.namespace()


def ask(handler: RbacAdapter, namespace: str, user: str = "ann", method: str = "GET") -> int:
    """The code of the answer."""
    action = Action(namespace=namespace, service="cart", path="/", method=method)
    return handler.check(Authorization("i", Subject(user), action)).status.code


def number(handler: RbacAdapter, name: str, **labels: str) -> float:
    assert handler.registry is not None
    families = text_string_to_metric_families(generate_latest(handler.registry).decode())
    samples = [s for f in families for s in f.samples if s.name == f"mizzen_rbac_{name}"]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


def test_roles_and_bindings_are_in_force_once_the_handler_is_built(cluster: Cluster, build: Builder, shop: str) -> None:
    cluster.apply(role(shop))
    cluster.apply(binding(shop))
    handler = build()
    assert ask(handler, shop) == Code.OK
    assert ask(handler, shop, user="bob") == Code.PERMISSION_DENIED
    assert ask(handler, shop, method="PUT") == Code.PERMISSION_DENIED
    assert ask(handler, "elsewhere") == Code.PERMISSION_DENIED
    assert number(handler, "synced") == 2
    assert number(handler, "config_errors") == 0


def test_changes_are_followed(cluster: Cluster, build: Builder, shop: str) -> None:
    handler = build()
    assert ask(handler, shop) == Code.PERMISSION_DENIED
    cluster.apply(binding(shop))
    cluster.apply(role(shop))
    wait_until(lambda: ask(handler, shop) == Code.OK, "the role is in force")
    cluster.apply(role(shop, "PUT"))
    wait_until(lambda: ask(handler, shop, method="PUT") == Code.OK, "the role is changed")
    assert ask(handler, shop) == Code.PERMISSION_DENIED
    cluster.apply(binding(shop, "bob", "others"))
    wait_until(lambda: ask(handler, shop, "bob", "PUT") == Code.OK, "a second binding is in force")
    cluster.delete(binding(shop))
    wait_until(lambda: ask(handler, shop, method="PUT") == Code.PERMISSION_DENIED, "the first one is deleted")
    cluster.delete(role(shop))
    wait_until(lambda: ask(handler, shop, "bob", "PUT") == Code.PERMISSION_DENIED, "the role is deleted")
    assert number(handler, "lists_total") == 2


def test_only_the_namespaces_that_are_named_count(cluster: Cluster, build: Builder, shop: str) -> None:
    other, third = cluster.namespace(), cluster.namespace()
    for namespace in (shop, other, third):
        cluster.apply(role(namespace))
        cluster.apply(binding(namespace))
    handler = build(f"?ns={shop},{other}")
    codes = [ask(handler, namespace) for namespace in (shop, other, third)]
    assert codes == [Code.OK, Code.OK, Code.PERMISSION_DENIED]
    assert number(handler, "synced", namespace=other) == 2


@pytest.fixture
def without_admission(cluster: Cluster) -> Iterator[None]:
    """The cluster has the resources of an older Mixer, or those of Istio, which let unknown fields pass."""
    documents = list(yaml.safe_load_all((DEPLOY / "rbac-resources.yaml").read_text()))
    bindings = [document for document in documents if document["kind"] == "ValidatingAdmissionPolicyBinding"]
    for document in bindings:
        cluster.delete(document)
    yield
    for document in bindings:
        cluster.apply(document)


def test_a_faulty_version_leaves_the_last_good_one_in_force_and_counts(
    cluster: Cluster, build: Builder, shop: str, without_admission: None
) -> None:
    cluster.apply(role(shop))
    cluster.apply(binding(shop))
    handler = build()
    faulty = role(shop)
    faulty["spec"]["rules"][0]["path"] = ["/public"]

    def is_taken() -> bool:
        try:
            cluster.apply(faulty)
        except httpx.HTTPStatusError:
            return False  # the admission is still in force
        return True

    wait_until(is_taken, "the faulty role is applied", SECONDS)
    wait_until(lambda: number(handler, "config_errors") == 1, "the fault counts")
    assert ask(handler, shop) == Code.OK
    cluster.delete(role(shop))
    wait_until(lambda: ask(handler, shop) == Code.PERMISSION_DENIED, "the role is deleted")
    assert number(handler, "config_errors") == 0


def test_nobody_is_allowed_or_refused_for_good_before_the_roles_are_known(
    cluster: Cluster, build: Builder, shop: str, tmp_path: Path
) -> None:
    cluster.apply(role(shop))
    cluster.apply(binding(shop))
    account = cluster.account("nobody", shop)
    handler = build(kubeconfig=cluster.write_kubeconfig(tmp_path, {"token": cluster.token("nobody", shop)}))
    answer = handler.check(Authorization("i", Subject("ann"), Action(shop, "cart", "GET", "/")))
    assert (answer.status.code, answer.valid_for, answer.uses) == (Code.UNAVAILABLE, 0, 0)
    assert answer.status.message == "RBAC: the roles are not known yet."
    assert number(handler, "failures_total", resource="serviceroles") >= 1
    assert number(handler, "synced") == 0
    cluster.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"roles-{shop}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": shop}],
        }
    )
    wait_until(lambda: ask(handler, shop) == Code.OK, "the roles are known", SECONDS)


def test_a_server_that_crashes_leaves_the_roles_in_force(
    cluster: Cluster, build: Builder, second_server: ApiServer, shop: str, tmp_path: Path
) -> None:
    second_server.start()
    cluster.apply(role(shop))
    cluster.apply(binding(shop))
    handler = build(kubeconfig=second_server.write_kubeconfig({"token": cluster.token()}, tmp_path))
    assert ask(handler, shop) == Code.OK
    second_server.crash()
    wait_until(lambda: number(handler, "failures_total") >= 2, "both watches break")
    assert ask(handler, shop) == Code.OK
    cluster.apply(binding(shop, "bob"))
    second_server.start()
    wait_until(lambda: ask(handler, shop, "bob") == Code.OK, "the change is in force", SECONDS)
    assert ask(handler, shop) == Code.PERMISSION_DENIED


def test_a_cluster_without_the_custom_resources_may_get_them_later(
    cluster: Cluster, build: Builder, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "rbac-resources.yaml").read_text()))
    resources = [document for document in documents if document["kind"] == "CustomResourceDefinition"]
    for document in resources:
        cluster.delete(document)
    try:
        wait_until(lambda: not cluster.serves(f"{ROLES}/serviceroles"), "the resources are gone", SECONDS)
        handler = build()
        assert ask(handler, shop) == Code.UNAVAILABLE
        assert "deploy/kubernetes/rbac-resources.yaml has them" in capsys.readouterr().out
    finally:
        cluster.deploy()
    cluster.apply(role(shop))
    cluster.apply(binding(shop))
    wait_until(lambda: ask(handler, shop) == Code.OK, "the roles are known", SECONDS)
