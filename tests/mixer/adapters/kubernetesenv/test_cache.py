from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.kubernetesenv.cache import ClusterCache
from mizzen.mixer.adapters.kubernetesenv.objects import Owner, Pod, controller_of, pod_of
from mizzen.mixer.adapters.kubernetesenv.outputs import outputs_of


def reference(kind: str, name: str, api_version: str = "apps/v1", controller: bool = True) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "name": name, "controller": controller}


def pod(name: str = "web-1", ip: str = "10.0.0.1", owners: tuple[Any, ...] = (), **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}, "ownerReferences": list(owners)},
        "spec": {
            "serviceAccountName": "web-account",
            "containers": [
                {"name": "app", "ports": [{"containerPort": 8080}, {"containerPort": 9090}]},
                {"name": "proxy", "ports": [{"containerPort": 9090}, {"containerPort": 15001}]},
                {"name": "job"},
            ],
        },
        "status": {"podIP": ip, "hostIP": "192.168.0.7", "phase": "Running", **status},
    }


def controlled(kind: str, name: str, *owners: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop", "ownerReferences": list(owners)}}


def found(cluster: ClusterCache, uid: str) -> Pod:
    pod = cluster.find(uid)
    assert pod is not None
    return pod


def workload(cluster: ClusterCache, uid: str = "web-1.shop") -> tuple[object, object]:
    outputs = outputs_of(found(cluster, uid), cluster)
    return outputs["workload_name"], outputs["owner"]


def test_all_outputs_of_a_pod() -> None:
    cluster = ClusterCache()
    cluster.pods.put(pod(owners=(reference("ReplicaSet", "web-abc"),)))
    cluster.replica_sets.put(controlled("ReplicaSet", "web-abc", reference("Deployment", "web")))
    assert outputs_of(found(cluster, "kubernetes://web-1.shop"), cluster) == {
        "pod_uid": "kubernetes://web-1.shop",
        "pod_name": "web-1",
        "namespace": "shop",
        "service_account_name": "web-account",
        "labels": {"app": "web"},
        "pod_ip": bytes([10, 0, 0, 1]),
        "host_ip": bytes([192, 168, 0, 7]),
        "owner": "kubernetes://apis/apps/v1/namespaces/shop/deployments/web",
        "workload_name": "web",
        "workload_namespace": "shop",
        "workload_uid": "istio://shop/workloads/web",
    }


def test_what_a_pod_lacks_is_not_set() -> None:
    cluster = ClusterCache()
    cluster.pods.put({"metadata": {"name": "bare", "namespace": "shop"}, "status": {"podIP": "none yet"}})
    assert set(outputs_of(found(cluster, "bare.shop"), cluster)) == {
        "pod_uid",
        "pod_name",
        "namespace",
        "owner",
        "workload_name",
        "workload_namespace",
        "workload_uid",
    }


@pytest.mark.parametrize(
    ("owners", "name", "owner"),
    [
        ((), "web-1", "v1/namespaces/shop/pods/web-1"),
        ((reference("ReplicaSet", "r", controller=False),), "web-1", "v1/namespaces/shop/pods/web-1"),
        ((reference("ReplicaSet", "known"),), "web", "apps/v1/namespaces/shop/deployments/web"),
        ((reference("ReplicaSet", "alone"),), "alone", "apps/v1/namespaces/shop/replicasets/alone"),
        ((reference("ReplicaSet", "unknown"),), "unknown", "apps/v1/namespaces/shop/replicasets/unknown"),
        (
            (reference("ReplicationController", "known", "v1"),),
            "config",
            "apps.openshift.io/v1/namespaces/shop/deploymentconfigs/config",
        ),
        ((reference("StatefulSet", "db"),), "db", "apps/v1/namespaces/shop/statefulsets/db"),
        ((reference("Job", "once", "batch/v1"),), "once", "batch/v1/namespaces/shop/jobs/once"),
    ],
)
def test_the_root_controller_is_the_workload(owners: tuple[Any, ...], name: str, owner: str) -> None:
    cluster = ClusterCache()
    cluster.pods.put(pod(owners=owners))
    cluster.replica_sets.put(controlled("ReplicaSet", "known", reference("Deployment", "web")))
    cluster.replica_sets.put(controlled("ReplicaSet", "alone"))
    upper = reference("DeploymentConfig", "config", "apps.openshift.io/v1")
    cluster.replication_controllers.put(controlled("ReplicationController", "known", upper))
    assert workload(cluster) == (name, f"kubernetes://apis/{owner}")


@pytest.mark.parametrize("uid", ["kubernetes://web-1.shop", "web-1.shop", "10.0.0.1", "2001:db8::1", "2001:DB8:0::1"])
def test_a_pod_is_found_by_uid_and_by_address(uid: str) -> None:
    cluster = ClusterCache()
    cluster.pods.put(pod(podIPs=[{"ip": "10.0.0.1"}, {"ip": "2001:db8::1"}]))
    assert found(cluster, uid).name == "web-1"


@pytest.mark.parametrize("uid", ["", "kubernetes://", "web-1", "web-1.other", "10.0.0.2", "istio://web-1.shop"])
def test_what_is_not_there_is_not_found(uid: str) -> None:
    cluster = ClusterCache()
    cluster.pods.put(pod())
    assert cluster.find(uid) is None


def test_the_name_of_a_pod_may_have_dots() -> None:
    cluster = ClusterCache()
    cluster.pods.put(pod("a.b.c"))
    assert found(cluster, "kubernetes://a.b.c.shop").name == "a.b.c"


def test_pods_that_share_or_gave_up_their_address_are_found_by_name_alone() -> None:
    cluster = ClusterCache()
    host = pod("host", "10.0.0.9")
    host["spec"]["hostNetwork"] = True
    cluster.pods.replace([host, pod("done", "10.0.0.8", phase="Succeeded")])
    assert cluster.find("10.0.0.9") is None
    assert cluster.find("10.0.0.8") is None
    assert found(cluster, "host.shop").ip == "10.0.0.9"


def test_an_address_follows_its_pod() -> None:
    cluster = ClusterCache()
    cluster.pods.put(pod("old", "10.0.0.1"))
    cluster.pods.put(pod("new", "10.0.0.1"))
    cluster.pods.remove(pod("old", "10.0.0.1"))
    assert found(cluster, "10.0.0.1").name == "new"
    cluster.pods.put(pod("new", "10.0.0.2"))
    assert cluster.find("10.0.0.1") is None
    assert found(cluster, "10.0.0.2").name == "new"
    cluster.pods.replace([])
    assert cluster.find("10.0.0.2") is None
    assert len(cluster.pods) == 0


def test_the_first_container_with_a_port_is_its_container() -> None:
    assert pod_of(pod()).ports == {8080: "app", 9090: "app", 15001: "proxy"}


def test_a_controller_needs_no_owner() -> None:
    assert controller_of({"metadata": {}}).owner is None
    owner = controller_of(controlled("ReplicaSet", "r", reference("Deployment", "d"))).owner
    assert owner == Owner("apps/v1", "Deployment", "d")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("labels", "ownerReferences", "containers", "ports", "podIP", "podIPs", "phase", "name", "hostIP")
parts = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values))


@given(json_values | st.fixed_dictionaries({}, optional={"metadata": parts, "spec": parts, "status": parts}))
def test_whatever_the_server_sends_is_read(data: Any) -> None:
    assert isinstance(pod_of(data), Pod)
    controller_of(data)
