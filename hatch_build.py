"""Builds the two native libraries and packs them into one platform wheel.

- `mizzen/_native/libmizzen_envoy.so`: the module that Envoy loads (crate `mizzen-envoy`).
- `mizzen/_wire.abi3.so`: the Python extension with the wire codec (crate `mizzen-python`), for CPython 3.11 and later.

`python hatch_build.py` does the same from the Makefile, without building a wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NO_CARGO = """\
mizzen: cargo is needed to build the native libraries and was not found on PATH (Rust 1.88 or later).
  Debian 12:  apt-get install cargo-web rustc-web
  elsewhere:  https://rustup.rs"""

LIBRARIES = {
    "libmizzen_envoy.so": Path("src/mizzen/_native/libmizzen_envoy.so"),
    "libmizzen_wire.so": Path("src/mizzen/_wire.abi3.so"),
}


def build_native(root: Path) -> None:
    """Compile both libraries (release) and put them beside the Python sources; without cargo exit with advice."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise SystemExit(NO_CARGO)
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    packages = ["--package", "mizzen-envoy", "--package", "mizzen-python"]
    command = [cargo, "build", "--release", *packages, "--target-dir", str(target)]
    subprocess.run(command, cwd=root, check=True, env={**os.environ, "PYO3_PYTHON": sys.executable})
    for built, place in LIBRARIES.items():
        install(target / "release" / built, root / place)


def install(built: Path, place: Path) -> None:
    """Replace by rename: a running Envoy or Python keeps the file it has mapped."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".so.new")
    shutil.copyfile(built, fresh)
    fresh.replace(place)


class NativeLibraries(BuildHookInterface):  # type: ignore[type-arg]
    """The wheel's hook: compile, then tag the wheel for this platform and the stable ABI of CPython 3.11."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        build_native(Path(self.root))
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{platform}"


if __name__ == "__main__":
    build_native(Path(__file__).parent)
