"""What kubernetesenv knows of a real Kubernetes, with the account that deploy/kubernetes gives it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.kubernetes.cluster import Cluster, pod, reference_to
from tests.mixer.adapters.kubernetesenv.handlers import ask, build_handler, name_at, number

from mizzen.mixer.adapters.kubernetesenv import KubernetesEnvAdapter
from mizzen.testing import wait_until


@pytest.fixture
def handler(cluster: Cluster, tmp_path: Path) -> Iterator[KubernetesEnvAdapter]:
    made = build_handler(cluster.write_kubeconfig(tmp_path))
    yield made
    made.close()


@pytest.fixture
def shop(cluster: Cluster) -> str:
    """A namespace of its own."""
    return cluster.namespace()


def selecting(kind: str, name: str, namespace: str, owner: Mapping[str, Any] | None = None, **spec: Any) -> Any:
    """A controller of pods `app: <name>`, as users write it."""
    labels = {"app": name.split("-")[0]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app"}]}}
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if owner:
        metadata["ownerReferences"] = [reference_to(owner)]
    selector = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": selector}


def test_a_pod_of_a_deployment_is_known_by_name_and_address(
    cluster: Cluster, handler: KubernetesEnvAdapter, shop: str
) -> None:
    deployment = cluster.create(selecting("Deployment", "web", shop))
    replica_set = cluster.create(selecting("ReplicaSet", "web-5d9", shop, deployment))
    cluster.account("web-account", shop)
    address = cluster.run_pod(pod("web-5d9-x7", shop, replica_set, serviceAccountName="web-account"))
    wait_until(lambda: name_at(handler, address), "the pod is known")
    packed = ipaddress.ip_address(address).packed
    outputs = ask(handler, source_uid=f"kubernetes://web-5d9-x7.{shop}", destination_ip=packed, destination_port=8080)
    expected = {
        "pod_uid": f"kubernetes://web-5d9-x7.{shop}",
        "pod_name": "web-5d9-x7",
        "namespace": shop,
        "service_account_name": "web-account",
        "labels": {"app": "web"},
        "pod_ip": packed,
        "host_ip": bytes([192, 168, 0, 1]),
        "owner": f"kubernetes://apis/apps/v1/namespaces/{shop}/deployments/web",
        "workload_name": "web",
        "workload_namespace": shop,
        "workload_uid": f"istio://{shop}/workloads/web",
    }
    both = {f"{side}_{name}": value for side in ("source", "destination") for name, value in expected.items()}
    assert outputs == {**both, "destination_container_name": "app"}


def workload_of(handler: KubernetesEnvAdapter, uid: str) -> tuple[Any, Any]:
    wait_until(lambda: ask(handler, source_uid=uid), "the pod is known")
    outputs = ask(handler, source_uid=uid)
    return outputs["source_workload_name"], outputs["source_owner"]


def test_the_workload_is_the_controller(cluster: Cluster, handler: KubernetesEnvAdapter, shop: str) -> None:
    stateful = cluster.create(selecting("StatefulSet", "db", shop, serviceName="db"))
    daemon = cluster.create(selecting("DaemonSet", "agent", shop))
    template = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "app"}]}}}
    metadata = {"name": "load", "namespace": shop}
    job = cluster.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template})
    for name, owner in (("db-0", stateful), ("agent-1", daemon), ("load-1", job), ("alone", None)):
        cluster.run_pod(pod(name, shop, owner))
    apps = f"kubernetes://apis/apps/v1/namespaces/{shop}"
    assert workload_of(handler, f"db-0.{shop}") == ("db", f"{apps}/statefulsets/db")
    assert workload_of(handler, f"agent-1.{shop}") == ("agent", f"{apps}/daemonsets/agent")
    jobs = f"kubernetes://apis/batch/v1/namespaces/{shop}/jobs"
    assert workload_of(handler, f"load-1.{shop}") == ("load", f"{jobs}/load")
    pods = f"kubernetes://apis/v1/namespaces/{shop}/pods"
    assert workload_of(handler, f"alone.{shop}") == ("alone", f"{pods}/alone")


def test_controllers_of_custom_kinds_own_replica_sets_and_replication_controllers(
    cluster: Cluster, handler: KubernetesEnvAdapter, shop: str
) -> None:
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web", "uid": "1"}}
    config = {"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig", "metadata": {"name": "old", "uid": "2"}}
    replica_set = cluster.create(selecting("ReplicaSet", "web-1", shop, rollout))
    controller = selecting("ReplicationController", "old-1", shop, config, selector={"app": "old"})
    owner = cluster.create({**controller, "apiVersion": "v1"})
    cluster.run_pod(pod("web-1-a", shop, replica_set))
    cluster.run_pod(pod("old-1-a", shop, owner))
    root = "kubernetes://apis"
    rollouts = f"{root}/argoproj.io/v1alpha1/namespaces/{shop}/rollouts/web"
    assert workload_of(handler, f"web-1-a.{shop}") == ("web", rollouts)
    configs = f"{root}/apps.openshift.io/v1/namespaces/{shop}/deploymentconfigs/old"
    assert workload_of(handler, f"old-1-a.{shop}") == ("old", configs)


def test_the_life_of_a_pod_is_followed(cluster: Cluster, handler: KubernetesEnvAdapter, shop: str) -> None:
    web = pod("web", shop)
    cluster.create(web)
    wait_until(lambda: ask(handler, source_uid=f"web.{shop}"), "a pod without an address is known by name")
    assert "source_pod_ip" not in ask(handler, source_uid=f"web.{shop}")
    first, second = cluster.address(), cluster.address()
    cluster.set_status(web, {"phase": "Running", "podIP": first, "podIPs": [{"ip": first}]})
    wait_until(lambda: name_at(handler, first) == "web", "the pod has an address")
    cluster.apply({**web, "metadata": {**web["metadata"], "labels": {"app": "other"}}})
    wait_until(lambda: ask(handler, source_uid=f"web.{shop}")["source_labels"] == {"app": "other"}, "a label changes")
    cluster.set_status(web, {"podIP": second, "podIPs": [{"ip": second}]})
    wait_until(lambda: name_at(handler, second) == "web", "the address changes")
    assert name_at(handler, first) is None
    cluster.delete(web)
    wait_until(lambda: name_at(handler, second) is None, "the pod is deleted")
    assert ask(handler, source_uid=f"web.{shop}") == {}
    assert number(handler, "failures_total") == 0


def test_an_address_belongs_to_the_pod_that_runs(cluster: Cluster, handler: KubernetesEnvAdapter, shop: str) -> None:
    address = cluster.run_pod(pod("first", shop, restartPolicy="Never"))
    wait_until(lambda: name_at(handler, address) == "first", "the first pod is known")
    cluster.set_status(pod("first", shop), {"phase": "Succeeded"})
    cluster.run_pod(pod("second", shop), address)
    wait_until(lambda: name_at(handler, address) == "second", "the second pod is known")
    assert ask(handler, source_uid=f"first.{shop}")["source_pod_name"] == "first"
    cluster.delete(pod("first", shop))
    wait_until(lambda: not ask(handler, source_uid=f"first.{shop}"), "the first pod is deleted")
    assert name_at(handler, address) == "second"


def test_a_pod_with_the_network_of_its_host_is_known_by_name_alone(
    cluster: Cluster, handler: KubernetesEnvAdapter, shop: str
) -> None:
    host = cluster.address()
    web = pod("web", shop, hostNetwork=True)
    web["spec"]["containers"][0]["ports"] = [{"containerPort": 8080, "hostPort": 8080}]
    cluster.run_pod(web, host, hostIP=host, hostIPs=[{"ip": host}])
    wait_until(lambda: "source_pod_ip" in ask(handler, source_uid=f"web.{shop}"), "the pod is known")
    assert name_at(handler, host) is None


def test_both_addresses_of_a_dual_stack_pod_are_known(
    cluster: Cluster, handler: KubernetesEnvAdapter, shop: str
) -> None:
    address, other = cluster.address(), f"2001:db8::{cluster.address().rpartition('.')[2]}"
    cluster.run_pod(pod("web", shop), address, podIPs=[{"ip": address}, {"ip": other}])
    wait_until(lambda: name_at(handler, address) == "web", "the pod is known")
    assert name_at(handler, other) == "web"
    assert name_at(handler, f"::ffff:{address}") == "web"
