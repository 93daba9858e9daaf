"""Generates the protocol's Python classes from `proto/` into `src/mizzen/wire/pb`.

Run from the root of the repository, `make proto` does: `python -m tests.wire.generate`. The result is committed; a test
compares it with what this would write. Classes live under `mizzen.wire.pb`, not under a top-level `istio`, so that no
other package can clash with them; `google.rpc` comes from googleapis-common-protos.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto"
TARGET = ROOT / "src/mizzen/wire/pb"
PACKAGE = "mizzen.wire.pb"
GENERATED = "*_pb2*.py*"


def sources() -> list[str]:
    """The protocol's files, as protoc names them: relative to `proto/`, sorted."""
    return sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))


def generate(into: Path) -> None:
    """Write modules, stubs and gRPC modules below the folder `into`; takes about a second.

    Raises `subprocess.CalledProcessError` with protoc's own message on standard error when a source is bad.
    """
    into.mkdir(parents=True, exist_ok=True)
    includes = [f"-I{PROTO}", f"-I{sysconfig.get_path('purelib')}"]
    outputs = [
        f"--python_out={into}",
        f"--grpc_python_out={into}",
        f"--mypy_out=quiet:{into}",
        f"--mypy_grpc_out=quiet:{into}",
    ]
    scripts = Path(sys.executable).parent
    plugins = [f"--plugin=protoc-gen-{name}={scripts / f'protoc-gen-{name}'}" for name in ("mypy", "mypy_grpc")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *includes, *plugins, *outputs, *sources()], check=True)
    for path in into.rglob(GENERATED):
        path.write_text(rehome(path.read_text()))
    drop_empty_services(into)


def rehome(text: str) -> str:
    """Let a module import its neighbours from their place below `mizzen.wire.pb`."""
    for own in (r"istio", r"mizzen\.mixer\.v1"):
        name = own.replace("\\", "")
        text = re.sub(rf"^(from|import) {own}\b", rf"\1 {PACKAGE}.{name}", text, flags=re.MULTILINE)
        text = re.sub(rf"(?<![\w.]){own}\.(?=[\w.]*_pb2\b)", f"{PACKAGE}.{name}.", text)
    return text


def drop_empty_services(into: Path) -> None:
    """protoc writes a gRPC module for every file; keep those that hold a service."""
    for path in into.rglob("*_pb2_grpc.py"):
        if "Stub" not in path.read_text():
            path.unlink()
            path.with_suffix(".pyi").unlink(missing_ok=True)


def contents(folder: Path) -> dict[str, str]:
    """The generated files below a folder, by relative path."""
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob(GENERATED))}


def main() -> None:
    """Replace the committed files by freshly generated ones."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "pb"
        generate(fresh)
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)
    print(f"{len(contents(TARGET))} files written to {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
