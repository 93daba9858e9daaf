"""`mizzen mixer --config-store URL`: what is accepted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from tests.cli.command import mizzen

from mizzen.testing import ChildError, MixerProcess

PORTS = ("--port", "0", "--monitoring-port", "0")


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Verbs that end early are run in this process, and set its log up."""
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "accepted: one of --config-dir DIR and --config-store URL"),
        (("--config-dir", ".", "--config-store", "k8s://"), "accepted: one of --config-dir DIR and --config-store URL"),
        (("--config-store", "fs:///none"), "--config-store /none: is not a directory; accepted: an existing directory"),
        (("--config-store", "k8s://?ns=A"), "names 'A', which is no namespace; accepted: ns=, namespaces with commas"),
        (
            ("--configStoreURL", "mcp://host:1"),
            "--config-store mcp://host:1 is not the URL of a store; accepted: fs:///",
        ),
    ],
)
def test_a_store_that_is_none_is_a_wrong_use(options: tuple[str, ...], reason: str) -> None:
    found = mizzen("mixer", *options, *PORTS)
    assert (found.returncode, reason in found.stderr) == (2, True), found.stderr


def test_a_cluster_that_cannot_be_used_ends_the_process(tmp_path: Path) -> None:
    process = MixerProcess({})
    process.command = ["mixer", "--config-store", f"k8s://{tmp_path}/none", *PORTS]
    with pytest.raises(ChildError, match=rf"mizzen mixer: cannot use {tmp_path}/none: "), process:
        raise AssertionError("it serves")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mizzen.kubernetes.client", None)
    found = mizzen("mixer", "--config-store", "k8s://", *PORTS)
    assert found.returncode == 2
    assert "--config-store: needs the extra kubernetes (pip install 'mizzen[kubernetes]')" in found.stderr
