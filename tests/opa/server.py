"""A real Open Policy Agent, with its own REST API as the witness."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.processes import Server, tool

from mizzen.testing import unused_port


def opa_program() -> Path:
    return tool("opa", "install-opa.sh")


class OpaServer:
    """`opa run --server` on a free port of loopback; the port stays over a restart."""

    def __init__(self, folder: Path, arguments: Sequence[str] = (), tls: ssl.SSLContext | None = None) -> None:
        self.port = unused_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.arguments = arguments
        self.client = httpx.Client(base_url=self.url, verify=tls or True, trust_env=False)
        self.process = Server(opa_program(), folder / f"opa-{self.port}.log")

    def start(self) -> None:
        """Starts it, without the modules it had before; returns when it answers."""
        address = f"--addr=127.0.0.1:{self.port}"
        self.process.run(["run", "--server", address, "--disable-telemetry", *self.arguments], self.is_ready)

    def is_ready(self) -> bool:
        try:
            return self.client.get("/health").status_code in (200, 401)
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.process.stop()

    def close(self) -> None:
        self.stop()
        self.client.close()

    def put(self, name: str, module: str) -> None:
        self.client.put(f"/v1/policies/{quote(name, safe='')}", content=module).raise_for_status()

    def modules(self) -> dict[str, str]:
        """Texts by identity."""
        return {entry["id"]: entry["raw"] for entry in self.client.get("/v1/policies").json()["result"]}

    def clear(self) -> None:
        self.client.put("/v1/data", json={}).raise_for_status()
        for name in self.modules():
            self.client.delete(f"/v1/policies/{quote(name, safe='')}")

    def value(self, path: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """`{"result": …}`, or nothing for an undefined rule."""
        content = json.dumps({"input": question})
        answer: Mapping[str, Any] = self.client.post(f"/v1/data/{path}", content=content).json()
        return answer


def build_bundle(folder: Path, module: str, entry_points: Sequence[str], data: str = "") -> Path:
    """A bundle with the module compiled to WebAssembly."""
    folder.mkdir(exist_ok=True)
    source, bundle = folder / "policy.rego", folder / "bundle.tar.gz"
    source.write_text(module)
    files = [str(source)]
    if data:
        (folder / "data.json").write_text(data)
        files.append(str(folder / "data.json"))
    points = [word for entry_point in entry_points for word in ("-e", entry_point)]
    subprocess.run([str(opa_program()), "build", "-t", "wasm", *points, "-o", str(bundle), *files], check=True)
    return bundle
