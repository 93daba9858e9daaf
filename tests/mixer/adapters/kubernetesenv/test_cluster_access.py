"""How kubernetesenv gets at a real Kubernetes: credentials, rights, files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from kubernetes_asyncio.config import incluster_config
from tests.kubernetes.cluster import ACCOUNT, SYSTEM, Cluster, pod
from tests.mixer.adapters.kubernetesenv.handlers import Builder, build_handler, name_at, number

from mizzen.mixer.adapters import AdapterError
from mizzen.mixer.adapters.kubernetesenv import KubernetesEnvAdapter
from mizzen.testing import wait_until

PLUGIN = """\
#!/bin/sh
printf '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "%s"}}}}' \
    "$(cat {token})"
"""


@pytest.fixture
def build() -> Iterator[Builder]:
    """Handlers that are closed at the end."""
    handlers: list[KubernetesEnvAdapter] = []

    def make(*arguments: str, **params: object) -> KubernetesEnvAdapter:
        handlers.append(build_handler(*arguments, **params))  # type: ignore[arg-type]
        return handlers[-1]

    yield make
    for handler in handlers:
        handler.close()


@pytest.fixture
def address(cluster: Cluster) -> str:
    """Of a pod named web."""
    return cluster.run_pod(pod("web", cluster.namespace()))


def test_a_client_certificate_is_taken(cluster: Cluster, build: Builder, tmp_path: Path, address: str) -> None:
    folder = cluster.plane.folder
    data = {
        "client-certificate-data": base64.b64encode((folder / "admin.crt").read_bytes()).decode(),
        "client-key-data": base64.b64encode((folder / "admin.key").read_bytes()).decode(),
    }
    files = {"client-certificate": str(folder / "admin.crt"), "client-key": str(folder / "admin.key")}
    for user in (data, files):
        assert name_at(build(cluster.write_kubeconfig(tmp_path, user)), address) == "web"


def test_the_service_account_of_the_pod_is_taken(
    cluster: Cluster, build: Builder, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(cluster.token())
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(cluster.plane.folder / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(cluster.server.port))
    handler = build("")
    assert name_at(handler, address) == "web"
    wait_until(lambda: number(handler, "synced") == 4, "the secrets are listed, too")
    (tmp_path / "token").write_text("")
    with pytest.raises(AdapterError, match="cannot use the cluster this process runs in: Token file exists but empty"):
        build("")


def test_an_account_without_rights_knows_nothing_until_it_gets_them(
    cluster: Cluster, build: Builder, tmp_path: Path, address: str
) -> None:
    account = cluster.account("nobody", cluster.namespace())
    name, namespace = account["metadata"]["name"], account["metadata"]["namespace"]
    handler = build(cluster.write_kubeconfig(tmp_path, {"token": cluster.token(name, namespace)}))
    assert name_at(handler, address) is None
    assert number(handler, "failures_total", resource="pods") >= 1
    assert number(handler, "synced") == 0
    cluster.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"reader-{namespace}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
    )
    wait_until(lambda: name_at(handler, address) == "web", "the pods are listed")


def test_a_token_that_is_refused_is_read_anew(cluster: Cluster, build: Builder, tmp_path: Path, address: str) -> None:
    shop = cluster.namespace()
    account = cluster.account("rotated", shop)
    cluster.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"rotated-{shop}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": "rotated", "namespace": shop}],
        }
    )
    token = tmp_path / "token"
    token.write_text(cluster.token("rotated", shop) + "\n")
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(token=token))
    plugin.chmod(0o700)
    execute = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    handlers = [
        build(cluster.write_kubeconfig(tmp_path, user), cache_refresh_duration="1s")
        for user in ({"tokenFile": str(token)}, {"exec": execute})
    ]
    for handler in handlers:
        assert name_at(handler, address) == "web"
    cluster.delete(account)  # no token of it is good any more
    for handler in handlers:
        wait_until(partial(number, handler, "failures_total", resource="pods"), "the token is refused", 60)
        assert name_at(handler, address) == "web"
    cluster.account("rotated", shop)
    token.write_text(cluster.token("rotated", shop) + "\n")
    other = cluster.run_pod(pod("other", shop))
    for handler in handlers:
        wait_until(partial(name_at, handler, other), "the new token is used", 120)


def test_a_certificate_of_another_authority_is_refused(
    cluster: Cluster, build: Builder, tmp_path: Path, address: str
) -> None:
    document = cluster.server.kubeconfig({"token": cluster.token()})
    del document["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    handler = build(str(tmp_path / "kubeconfig"))
    assert name_at(handler, address) is None
    assert number(handler, "failures_total", resource="pods") >= 1


def test_a_secret_brings_a_further_cluster(cluster: Cluster, build: Builder, tmp_path: Path) -> None:
    handler = build(cluster.write_kubeconfig(tmp_path))
    kubeconfig = yaml.safe_dump(cluster.server.kubeconfig({"token": cluster.token()}))
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "east", "namespace": SYSTEM, "labels": {"istio/multiCluster": "true"}},
        "stringData": {"kubeconfig": kubeconfig},
    }
    cluster.apply(secret)
    east = "east.istio-system/kubeconfig"
    wait_until(lambda: number(handler, "synced", cluster=east) == 3, "the cluster is known")
    cluster.delete(secret)
    wait_until(lambda: number(handler, "synced", cluster=east) == 0, "the cluster is forgotten")
