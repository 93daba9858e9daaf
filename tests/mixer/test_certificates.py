from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from mizzen.mixer.certificates import Certificates
from mizzen.mixer.front import Tls


class Front:
    """Takes the certificates that do not read `broken`."""

    port = 0

    def __init__(self, tls: Tls) -> None:
        self.tls = tls
        self.reloaded: list[bytes] = []
        self.told = asyncio.Event()

    def start(self) -> None: ...
    def stop(self, grace_seconds: float) -> None: ...
    def set_serving(self, serving: bool) -> None: ...
    def stats(self) -> Mapping[str, int]:
        return {}

    def reload_tls(self) -> None:
        certificate = self.tls.read()[0]
        if certificate == b"broken":
            raise ValueError("TLS certificate is not accepted")
        self.reloaded.append(certificate)


class Stage:
    def __init__(self, directory: Path) -> None:
        self.certificate, key = directory / "tls.crt", directory / "tls.key"
        self.certificate.write_bytes(b"first")
        key.write_bytes(b"key")
        self.registry = CollectorRegistry()
        tls = Tls(self.certificate, key)
        self.front = Front(tls)
        self.certificates = Certificates(tls, self.front, self.registry)
        self.certificates.remember()

    def count(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"mizzen_mixer_tls_{name}")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_unchanged_files_change_nothing(stage: Stage) -> None:
    stage.certificates.look()
    assert stage.front.reloaded == []


def test_a_changed_certificate_is_put_in_force_once(stage: Stage) -> None:
    stage.certificate.write_bytes(b"second")
    stage.certificates.look()
    stage.certificates.look()
    assert (stage.front.reloaded, stage.count("reloads_total")) == ([b"second"], 1)


def test_a_broken_certificate_is_told_once_and_a_good_one_ends_the_fault(stage: Stage) -> None:
    stage.certificate.write_bytes(b"broken")
    stage.certificates.look()
    stage.certificates.look()
    assert (stage.front.reloaded, stage.count("reload_failures_total"), stage.count("faulty")) == ([], 1, 1)
    stage.certificate.write_bytes(b"first")
    stage.certificates.look()
    assert (stage.front.reloaded, stage.count("faulty")) == ([b"first"], 0)


def test_a_missing_certificate_is_a_fault(stage: Stage) -> None:
    stage.certificate.unlink()
    stage.certificates.look()
    assert (stage.front.reloaded, stage.count("faulty")) == ([], 1)
