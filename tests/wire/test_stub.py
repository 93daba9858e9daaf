"""The stub of the native module says what the binary has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mizzen.wire
from mizzen import _wire

ROOT = Path(__file__).parents[2]


def test_the_stub_agrees_with_the_binary() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "mizzen._wire", "--mypy-config-file", "pyproject.toml"]
    result = subprocess.run(command, cwd=ROOT, env={"MYPYPATH": "src"}, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_face_offers_everything_native() -> None:
    assert set(_wire.__all__) <= set(mizzen.wire.__all__)
    assert all(hasattr(mizzen.wire, name) for name in mizzen.wire.__all__)


def test_every_class_and_function_is_documented() -> None:
    for name in mizzen.wire.__all__:
        offered = getattr(mizzen.wire, name)
        if callable(offered):
            assert offered.__doc__, name
