"""An adapter in Python decides on requests that pass through the real Envoy, and is changed while they do."""

from __future__ import annotations

from pathlib import Path

from mizzen.testing import EchoBackend, LocalMixer, ProxyProcess, send

ADAPTER = """\
from mizzen.sdk import Adapter, CheckResult, Code, DirectResponse, ListEntry, Status

class Doorman(Adapter):
    name = "doorman"
    templates = frozenset(["listentry"])

    async def check(self, instance: ListEntry) -> CheckResult:
        if instance.value == "eve":
            return CheckResult(Status(Code.PERMISSION_DENIED, "no"), 60.0, 1000, DirectResponse(451, body="go away"))
        return CheckResult(valid_for=60.0, uses=1000)
"""
POLICY = """\
{kind: handler, metadata: {name: door}, spec: {compiledAdapter: doorman}}
---
{kind: listentry, metadata: {name: user}, spec: {value: 'request.headers["x-user"] | ""'}}
---
kind: rule
metadata: {name: r}
spec: {failurePolicy: FAIL_CLOSE, actions: [{handler: door, instances: [user.listentry]}]}
"""


def test_an_adapter_of_a_folder_decides_and_its_change_counts_for_answers_the_proxy_remembers(
    backend: EchoBackend, tmp_path: Path
) -> None:
    file = tmp_path / "doorman.py"
    file.write_text(ADAPTER)
    with (
        LocalMixer(POLICY, adapter_directories=[tmp_path]) as mixer,
        ProxyProcess(backend.address, mixer.address) as proxy,
    ):

        def status(user: str) -> tuple[int, str]:
            response = send(proxy.address, "/", headers=[("x-user", user)])
            return response.status, response.text if response.status != 200 else ""

        assert status("mia") == (200, "")
        assert status("eve") == (451, "go away")
        mixer.save(file, ADAPTER.replace('"eve"', '"mia"'))
        assert status("max") == (200, "")  # its answer tells the proxy of the new generation
        assert status("mia") == (451, "go away")
        assert status("eve") == (200, "")
        mixer.save(file, ADAPTER.replace('if instance.value == "eve":', "if 1 / 0:"))
        assert status("sue")[0] == 503
