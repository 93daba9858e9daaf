from __future__ import annotations

import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from pydantic import ValidationError

from mizzen.mixer.adapters import AdapterError, CheckResult, Code, Status
from mizzen.mixer.adapters.rbac import RbacAdapter
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.templates import Action, Authorization, Subject

ROLE = """
apiVersion: rbac.istio.io/v1alpha1
kind: ServiceRole
metadata: {name: viewer, namespace: shop}
spec: {rules: [{services: [cart], methods: [GET]}]}
"""
BINDING = """
apiVersion: rbac.istio.io/v1alpha1
kind: ServiceRoleBinding
metadata: {name: viewers, namespace: shop}
spec:
  subjects: [{user: ann}]
  roleRef: {kind: ServiceRole, name: viewer}
"""
BROKEN = ROLE.replace("services", "servces")


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "roles.yaml").write_text(f"{ROLE}---{BINDING}")
    return tmp_path


def build(bench: AdapterBench, folder: Path, **params: str) -> RbacAdapter:
    return bench.build(RbacAdapter, {"config_store_url": f"fs://{folder}", **params})


def ask(handler: RbacAdapter, user: str = "ann", method: str = "GET") -> CheckResult:
    action = Action(namespace="shop", service="cart", path="/", method=method)
    return handler.check(Authorization("i", Subject(user), action))


def errors(handler: RbacAdapter) -> str:
    assert handler.registry is not None
    return generate_latest(handler.registry).decode().splitlines()[-1]


def test_roles_and_bindings_decide(bench: AdapterBench, folder: Path) -> None:
    handler = build(bench, folder)
    assert ask(handler) == CheckResult(valid_for=60.0, uses=10**9)
    refused = CheckResult(Status(Code.PERMISSION_DENIED, "RBAC: permission denied."), 60.0, 10**9)
    assert ask(handler, "bob") == ask(handler, method="PUT") == refused
    handler.close()
    assert bench.tasks[0].cancelled


def test_the_validity_is_a_setting(bench: AdapterBench, folder: Path) -> None:
    assert ask(build(bench, folder, cache_duration="5s")).valid_for == 5.0


def test_an_action_that_says_too_little_is_refused(bench: AdapterBench, folder: Path) -> None:
    assert ask(build(bench, folder), method="").status == Status(
        Code.INVALID_ARGUMENT, "RBAC: the action needs namespace, service, path and method."
    )


def test_changes_are_followed(bench: AdapterBench, folder: Path) -> None:
    handler = build(bench, folder)
    (folder / "roles.yaml").write_text(f"{ROLE}---{BINDING.replace('ann', 'bob')}")
    bench.run_tasks()
    assert ask(handler, "bob").status.code == Code.OK
    assert ask(handler, "ann").status.code == Code.PERMISSION_DENIED


def test_a_broken_role_leaves_its_last_good_version_and_is_counted(bench: AdapterBench, folder: Path) -> None:
    handler = build(bench, folder)
    assert errors(handler) == 'mizzen_rbac_config_errors{handler="handler.test"} 0.0'
    (folder / "roles.yaml").write_text(f"{BROKEN}---{BINDING}")
    bench.run_tasks()
    assert ask(handler).status.code == Code.OK
    assert errors(handler) != 'mizzen_rbac_config_errors{handler="handler.test"} 0.0'
    (folder / "roles.yaml").write_text(BINDING)
    bench.run_tasks()
    assert ask(handler).status.code == Code.PERMISSION_DENIED
    assert errors(handler) == 'mizzen_rbac_config_errors{handler="handler.test"} 0.0'


def test_a_resource_of_another_kind_is_a_fault(bench: AdapterBench, folder: Path) -> None:
    (folder / "other.yaml").write_text("kind: rule\nmetadata: {name: r}\n")
    assert errors(build(bench, folder)) == 'mizzen_rbac_config_errors{handler="handler.test"} 1.0'


def test_a_folder_that_went_away_leaves_the_roles_in_force(bench: AdapterBench, folder: Path) -> None:
    handler = build(bench, folder)
    (folder / "roles.yaml").unlink()
    folder.rmdir()
    with pytest.raises(OSError, match="No such file"):
        bench.run_tasks()
    assert ask(handler).status.code == Code.OK


def test_a_folder_that_is_not_there_keeps_the_handler_from_being_built(bench: AdapterBench, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"^cannot read .*/none: No such file or directory$"):
        build(bench, tmp_path / "none")


def test_a_wrong_store_is_refused(bench: AdapterBench) -> None:
    with pytest.raises(ValidationError, match="is not the URL of a store"):
        bench.build(RbacAdapter, {"config_store_url": "fs://host/path"})


def test_without_a_store_the_cluster_that_the_mixer_runs_in_is_asked(
    bench: AdapterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(AdapterError, match=r"^rbac: cannot use the cluster this process runs in: "):
        bench.build(RbacAdapter)


def test_a_missing_extra_is_named(bench: AdapterBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mizzen.mixer.adapters.rbac.cluster", None)
    with pytest.raises(AdapterError, match=r"^rbac needs .*: pip install 'mizzen\[kubernetes\]'$"):
        bench.build(RbacAdapter)
