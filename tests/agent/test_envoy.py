"""Dealing with the Envoy binary, with scripts in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mizzen.agent.bootstrap import Rendered
from mizzen.agent.envoy import EnvoyError, exit_status, packaged_envoy, validate, version
from mizzen.agent.launch import EnvoyOptions, check_version, launch, reserved_port
from mizzen.config import ConfigError


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "envoy"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_packaged_binary_is_there() -> None:
    assert packaged_envoy().is_file()


def test_the_release_is_read_from_the_version_text(tmp_path: Path) -> None:
    envoy = script(tmp_path, "echo envoy version: abc/1.39.3/Clean/RELEASE/BoringSSL")
    assert version(envoy) == "1.39.3"
    assert version(script(tmp_path, "echo none")) == ""


def test_another_release_is_warned_about(tmp_path: Path) -> None:
    warnings: list[str] = []
    check_version(script(tmp_path, "echo version: abc/1.38.0/x"), warnings.append)
    assert len(warnings) == 1
    assert "is 1.38.0; the Mixer filter is built for 1.39.3" in warnings[0]
    check_version(script(tmp_path, "echo version: abc/1.39.3/x"), warnings.append)
    assert len(warnings) == 1


def test_a_refusal_carries_envoys_own_words(tmp_path: Path) -> None:
    envoy = script(tmp_path, "echo no such field: x >&2; exit 1")
    with pytest.raises(EnvoyError, match=r"^no such field: x$"):
        validate(envoy, tmp_path / "c.yaml")


def test_a_refusal_without_words_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(EnvoyError, match="with status 3 and no explanation"):
        validate(script(tmp_path, "exit 3"), tmp_path / "c.yaml")


def test_envoy_is_asked_to_validate_the_very_file(tmp_path: Path) -> None:
    envoy = script(tmp_path, f'echo "$@" > {tmp_path}/arguments')
    validate(envoy, tmp_path / "c.yaml")
    assert (tmp_path / "arguments").read_text().startswith(f"--mode validate -c {tmp_path}/c.yaml ")


def test_a_file_that_cannot_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "envoy"
    path.write_text("")
    with pytest.raises(EnvoyError, match=r"envoy: cannot be started: Permission denied"):
        validate(path, tmp_path / "c.yaml")


@pytest.mark.parametrize(("code", "status"), [(0, 0), (1, 1), (-9, 137), (-15, 143)])
def test_the_exit_status_is_that_of_a_shell(code: int, status: int) -> None:
    assert exit_status(code) == status


@pytest.mark.parametrize(("end", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_status_of_the_proxy_is_envoys(end: str, status: int, tmp_path: Path) -> None:
    envoy = script(tmp_path, f'case "$*" in *--version*|*validate*) exit 0;; esac; {end}')
    options = EnvoyOptions(envoy, tmp_path / "c.yaml")
    assert launch(Rendered("{}", "x"), options, lambda _: None, lambda _: None) == status
    assert (tmp_path / "c.yaml").read_text() == "{}"


def test_a_config_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    options = EnvoyOptions(None, tmp_path / "absent" / "c.yaml")
    with pytest.raises(ConfigError, match=r"absent/c\.yaml:1:1: cannot be written: No such file"):
        launch(Rendered("{}", "x"), options, lambda _: None, lambda _: None)


def test_a_reserved_port_is_free_for_nobody_else_and_given_back() -> None:
    with reserved_port("127.0.0.1") as port, reserved_port("127.0.0.1") as other:
        assert 0 < port != other > 0


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'"192\.0\.2\.1" cannot be bound'), reserved_port("192.0.2.1"):
        pass
