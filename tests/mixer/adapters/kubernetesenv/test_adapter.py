"""kubernetesenv against an API server of the tests, on a real socket."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml
from pydantic import ValidationError
from tests.mixer.adapters.kubernetesenv.handlers import Builder, ask, build_handler, name_at, number

from mizzen.mixer.adapters import AdapterError
from mizzen.mixer.adapters.kubernetesenv import KubernetesEnvAdapter, KubernetesEnvParams
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.testing import unused_port, wait_until

PODS = "/api/v1/pods"
REPLICA_SETS = "/apis/apps/v1/replicasets"
SECRETS = "/api/v1/namespaces/istio-system/secrets"


class Server(Protocol):
    port: int
    page: int
    refused: dict[str, int]

    def __init__(self, port: int = 0) -> None: ...
    def put(self, path: str, item: Any) -> None: ...
    def delete(self, path: str, name: str) -> None: ...
    def bookmark(self, path: str) -> None: ...
    def fail_watches(self, path: str, code: int) -> None: ...
    def forget(self) -> None: ...
    def cut(self) -> None: ...
    def queries(self, path: str, watch: bool) -> list[dict[str, str]]: ...
    def kubeconfig(self, token: str = ...) -> dict[str, Any]: ...
    def write_kubeconfig(self, folder: Path, token: str = ...) -> str: ...
    def stop(self) -> None: ...


@pytest.fixture
def build(kubernetes_server: Server, tmp_path: Path) -> Iterator[Builder]:
    """Handlers for the server of the test, closed at the end."""
    handlers: list[KubernetesEnvAdapter] = []

    def make(variables: dict[str, str] | None = None, path: str = "", **params: Any) -> KubernetesEnvAdapter:
        handlers.append(build_handler(path or kubernetes_server.write_kubeconfig(tmp_path), variables, **params))
        return handlers[-1]

    yield make
    for handler in handlers:
        handler.close()


def pod(name: str, ip: str, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"containers": [{"name": "app", "ports": [{"containerPort": 8080}]}]},
        "status": {"podIP": ip, "phase": "Running"},
    }


def test_both_sides_are_known_once_the_handler_is_built(kubernetes_server: Server, build: Builder) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-abc", "controller": True}
    web = pod("web-1", "10.0.0.1", app="web")
    web["metadata"]["ownerReferences"] = [owner]
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}
    replica_set = {"metadata": {"name": "web-abc", "namespace": "shop", "ownerReferences": [deployment]}}
    kubernetes_server.put(REPLICA_SETS, replica_set)
    kubernetes_server.put(PODS, web)
    kubernetes_server.put(PODS, pod("cart-1", "10.0.0.2"))
    handler = build()
    outputs = ask(handler, source_uid="kubernetes://web-1.shop", destination_ip=bytes([10, 0, 0, 2]))
    assert outputs["source_workload_name"] == "web"
    assert outputs["source_owner"] == "kubernetes://apis/apps/v1/namespaces/shop/deployments/web"
    assert outputs["source_labels"] == {"app": "web"}
    assert outputs["destination_pod_uid"] == "kubernetes://cart-1.shop"
    assert outputs["destination_pod_ip"] == bytes([10, 0, 0, 2])
    assert "destination_labels" not in outputs
    wait_until(lambda: number(handler, "synced", cluster="local") == 4, "the secrets are listed, too")
    assert number(handler, "lookups_total", outcome="found") == 2


def test_a_uid_wins_over_an_address_and_nothing_is_asked_for_an_unknown_side(
    kubernetes_server: Server, build: Builder
) -> None:
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    kubernetes_server.put(PODS, pod("cart-1", "10.0.0.2"))
    handler = build()
    outputs = ask(handler, source_uid="web-1.shop", source_ip=bytes([10, 0, 0, 2]), destination_ip=bytes(4))
    assert outputs["source_pod_name"] == "web-1"
    assert not any(name.startswith("destination_") for name in outputs)
    assert number(handler, "lookups_total") == 1
    assert ask(handler, source_uid="kubernetes://gone.shop", source_ip=bytes([10, 0, 0, 2])) == {}
    assert number(handler, "lookups_total", outcome="missing") == 1
    mapped = bytes([0] * 10 + [255, 255, 10, 0, 0, 2])
    assert ask(handler, destination_ip=mapped)["destination_pod_name"] == "cart-1"


@pytest.mark.parametrize(("port", "container"), [(8080, "app"), (8081, None), (0, None), (-1, None)])
def test_the_container_is_that_of_the_port(
    kubernetes_server: Server, build: Builder, port: int, container: str | None
) -> None:
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    outputs = ask(build(), destination_uid="web-1.shop", destination_port=port)
    assert outputs.get("destination_container_name") == container


def test_changes_are_followed(kubernetes_server: Server, build: Builder) -> None:
    handler = build()
    assert name_at(handler, "10.0.0.1") is None
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    wait_until(lambda: name_at(handler, "10.0.0.1") == "web-1", "the pod is added")
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.9"))
    wait_until(lambda: name_at(handler, "10.0.0.9") == "web-1", "the pod is changed")
    assert name_at(handler, "10.0.0.1") is None
    kubernetes_server.delete(PODS, "shop/web-1")
    wait_until(lambda: name_at(handler, "10.0.0.9") is None, "the pod is deleted")
    assert len(kubernetes_server.queries(PODS, watch=False)) == 1


def test_a_list_is_read_in_pages(kubernetes_server: Server, build: Builder) -> None:
    for index in range(1, 6):
        kubernetes_server.put(PODS, pod(f"web-{index}", f"10.0.0.{index}"))
    handler = build()
    assert [name_at(handler, f"10.0.0.{index}") for index in range(1, 6)] == [f"web-{index}" for index in range(1, 6)]
    assert [query.get("continue") for query in kubernetes_server.queries(PODS, watch=False)] == [None, "2", "4"]


def test_an_event_of_any_size_is_read(kubernetes_server: Server, build: Builder) -> None:
    handler = build()
    kubernetes_server.put(PODS, pod("big", "10.0.0.1", note="x" * 3_000_000))
    wait_until(lambda: name_at(handler, "10.0.0.1") == "big", "the pod is added")


def test_a_watch_that_ends_is_continued_after_the_last_bookmark(kubernetes_server: Server, build: Builder) -> None:
    handler = build(cache_refresh_duration="1s")
    kubernetes_server.bookmark(PODS)

    def versions() -> list[str]:
        return [query["resourceVersion"] for query in kubernetes_server.queries(PODS, watch=True)]

    wait_until(lambda: len(versions()) >= 2, "the watch is asked for anew")
    assert versions()[:2] == ["100", "101"]
    assert kubernetes_server.queries(PODS, watch=True)[0]["timeoutSeconds"] == "1"
    assert kubernetes_server.queries(PODS, watch=True)[0]["allowWatchBookmarks"] == "true"
    assert len(kubernetes_server.queries(PODS, watch=False)) == 1
    assert number(handler, "failures_total") == 0


def test_a_broken_watch_misses_nothing(kubernetes_server: Server, build: Builder) -> None:
    handler = build()
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    wait_until(lambda: name_at(handler, "10.0.0.1") == "web-1", "the pod is added")
    kubernetes_server.cut()
    kubernetes_server.put(PODS, pod("web-2", "10.0.0.2"))
    wait_until(lambda: name_at(handler, "10.0.0.2") == "web-2", "the pod is added")
    assert len(kubernetes_server.queries(PODS, watch=False)) == 1


def test_a_version_that_the_server_has_forgotten_means_a_new_list(kubernetes_server: Server, build: Builder) -> None:
    kubernetes_server.put(PODS, pod("old", "10.0.0.1"))
    handler = build()
    wait_until(lambda: kubernetes_server.queries(PODS, watch=True), "the watch begins")
    kubernetes_server.refused[PODS] = 503
    kubernetes_server.cut()
    wait_until(lambda: number(handler, "failures_total", resource="pods"), "the watch fails")
    kubernetes_server.delete(PODS, "shop/old")
    kubernetes_server.put(PODS, pod("new", "10.0.0.2"))
    kubernetes_server.forget()
    del kubernetes_server.refused[PODS]
    wait_until(lambda: name_at(handler, "10.0.0.2") == "new", "the list is read anew")
    assert name_at(handler, "10.0.0.1") is None
    assert number(handler, "lists_total", resource="pods") == 2


def test_an_error_event_410_means_a_new_list(kubernetes_server: Server, build: Builder) -> None:
    handler = build()
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    wait_until(lambda: name_at(handler, "10.0.0.1") == "web-1", "the watch works")
    kubernetes_server.fail_watches(PODS, 410)
    wait_until(lambda: number(handler, "lists_total", resource="pods") == 2, "the list is read anew")
    assert number(handler, "failures_total") == 0


def test_a_server_that_is_away_does_not_keep_the_handler_from_being_built(
    kubernetes_server: Server, build: Builder, tmp_path: Path
) -> None:
    port = unused_port()
    away = type(kubernetes_server)(port=port)
    path = away.write_kubeconfig(tmp_path)
    away.put(PODS, pod("web-1", "10.0.0.1"))
    away.stop()
    handler = build(path=path)
    assert ask(handler, source_uid="web-1.shop") == {}
    assert number(handler, "failures_total", resource="pods") >= 1
    back = type(kubernetes_server)(port=port)
    back.put(PODS, pod("web-1", "10.0.0.1"))
    wait_until(lambda: name_at(handler, "10.0.0.1") == "web-1", "the server is found")
    back.stop()


def test_a_refusal_is_counted_and_told_without_the_token(
    kubernetes_server: Server, build: Builder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = build(path=kubernetes_server.write_kubeconfig(tmp_path, "wrong-token"))
    wait_until(lambda: number(handler, "failures_total") >= 4, "every resource is refused")
    shown = capsys.readouterr().out
    assert "status 401: Unauthorized" in shown
    assert "kubernetes is not known yet" in shown
    assert "wrong-token" not in shown


def test_secrets_may_be_forbidden(kubernetes_server: Server, build: Builder) -> None:
    kubernetes_server.refused[SECRETS] = 403
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    handler = build()
    assert name_at(handler, "10.0.0.1") == "web-1"
    wait_until(lambda: number(handler, "failures_total", resource="secrets") >= 1, "the refusal is counted")


def secret(name: str, **entries: Any) -> dict[str, Any]:
    data = {key: base64.b64encode(yaml.safe_dump(value).encode()).decode() for key, value in entries.items()}
    return {
        "metadata": {"name": name, "namespace": "istio-system", "labels": {"istio/multiCluster": "true"}},
        "data": data,
    }


def test_other_clusters_come_and_go_with_their_secrets(kubernetes_server: Server, build: Builder) -> None:
    other = type(kubernetes_server)()
    other.put(PODS, pod("far-1", "10.0.0.7"))
    kubernetes_server.put(SECRETS, secret("remote", east=other.kubeconfig()))
    handler = build()
    wait_until(lambda: name_at(handler, "10.0.0.7") == "far-1", "the other cluster is known")
    assert kubernetes_server.queries(SECRETS, watch=False)[0]["labelSelector"] == "istio/multiCluster=true"
    wait_until(lambda: number(handler, "synced", cluster="remote.istio-system/east") == 3, "all its kinds are known")
    kubernetes_server.delete(SECRETS, "istio-system/remote")
    wait_until(lambda: name_at(handler, "10.0.0.7") is None, "the other cluster is forgotten")
    wait_until(lambda: number(handler, "synced", cluster="remote.istio-system/east") == 0, "nothing is said of it")
    other.stop()


@pytest.mark.parametrize(
    "means", [{"exec": {"command": "/bin/true"}}, {"tokenFile": "/etc/passwd"}, {"client-key": "/etc/passwd"}]
)
def test_a_kubeconfig_of_a_secret_may_not_use_what_is_on_this_machine(
    kubernetes_server: Server, build: Builder, means: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    document = kubernetes_server.kubeconfig()
    document["users"][0]["user"] = means
    kubernetes_server.put(SECRETS, secret("remote", east=document))
    handler = build()
    wait_until(lambda: number(handler, "failures_total", cluster="remote.istio-system/east"), "it is refused")
    assert f"uses {next(iter(means))}, which is not allowed in a secret" in capsys.readouterr().out


def test_the_environment_says_where_to_look(kubernetes_server: Server, build: Builder, tmp_path: Path) -> None:
    path = kubernetes_server.write_kubeconfig(tmp_path)
    build({"KUBECONFIG": path, "POD_NAMESPACE": "istio-system"}, path="/nowhere")
    wait_until(lambda: kubernetes_server.queries(SECRETS, watch=False), "the namespace is that of the pod")


@pytest.mark.parametrize("text", ["", "{", "clusters: []", "a: [b", "token: secret-token: x", "- 1", "7"])
def test_a_kubeconfig_that_cannot_be_used_keeps_the_handler_from_being_built(
    build: Builder, tmp_path: Path, text: str
) -> None:
    (tmp_path / "broken").write_text(text)
    with pytest.raises(AdapterError, match=r"^kubernetesenv: cannot use .*broken") as caught:
        build(path=str(tmp_path / "broken"))
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("entry", [7, "text", {"users": 7}, {"users": [7]}, [], None, {"clusters": {}}])
def test_an_entry_that_is_no_kubeconfig_concerns_itself_alone(
    kubernetes_server: Server, build: Builder, entry: Any
) -> None:
    kubernetes_server.put(SECRETS, secret("remote", odd=entry))
    handler = build()
    wait_until(lambda: number(handler, "failures_total", cluster="remote.istio-system/odd"), "it is refused")
    kubernetes_server.put(PODS, pod("web-1", "10.0.0.1"))
    wait_until(lambda: name_at(handler, "10.0.0.1") == "web-1", "the first cluster is still watched")


def test_without_a_kubeconfig_the_mixer_must_run_in_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(AdapterError, match="cannot use the cluster this process runs in"):
        KubernetesEnvAdapter(KubernetesEnvParams(), AdapterBench().environment(), {})


def test_closing_ends_every_watch(kubernetes_server: Server, build: Builder) -> None:
    handler = build()
    handler.close()
    assert "handler.test watches" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"cache_refresh_duration": "0s"}, "greater than or equal"),
        ({"sync_timeout": "1m"}, "less than or equal"),
        ({"cluster_registries_namespace": "../x"}, "String should match pattern"),
        ({"kubeconfig": "x"}, "Extra inputs"),
    ],
)
def test_wrong_params_are_refused(params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        AdapterBench().build(KubernetesEnvAdapter, params)
