"""Where `tests/install-kubernetes.sh` puts what it builds."""

from __future__ import annotations

import re
from pathlib import Path

from tests.processes import tool


def path_of(program: str) -> Path:
    """`FileNotFoundError` where the servers were not built."""
    module = (Path(__file__).parent / "go.mod").read_text()
    version = re.search(r"^\tk8s.io/kubernetes (v\S+)", module, re.MULTILINE)
    assert version
    return tool(f"kubernetes-{version[1]}/{program}", "install-kubernetes.sh")
