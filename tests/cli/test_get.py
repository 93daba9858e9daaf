"""`mizzen get` and `mizzen describe` against a real Mixer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mizzen.client.monitoring import read_json
from mizzen.testing import MixerProcess, wait_until

from .command import mizzen

GOOD = """\
kind: rule
metadata: {name: refuse, labels: {team: blue}}
spec: {match: request.size > 5, actions: [{handler: h.denier, instances: [n]}]}
---
{kind: denier, metadata: {name: h}, spec: {status: {code: 7}}}
---
{kind: instance, metadata: {name: n}, spec: {compiledTemplate: checknothing}}
---
{kind: rule, metadata: {name: other, namespace: prod}, spec: {sise: 5}}
---
kind: handler
metadata: {name: secret}
spec:
  compiledAdapter: redisquota
  params: {redisServerUrl: 'redis://:hunter2@localhost', quotas: [{name: q, maxAmount: 1, validDuration: 1s}]}
---
kind: listchecker
metadata: {name: secrets}
spec: {providerUrl: 'http://u:hunter2@localhost/x'}
"""


@pytest.fixture(scope="module")
def mixer() -> Iterator[MixerProcess]:
    with MixerProcess({"a.yaml": GOOD}) as found:
        found.save("a.yaml", GOOD.replace("{code: 7}", "{code: seven}"))
        wait_until(lambda: "seven" in str(read_json(found.monitoring_url, "/config")), "the fault")
        yield found


def test_all_resources_are_listed_as_kubectl_does(mixer: MixerProcess) -> None:
    found = mizzen("get", "--server", mixer.monitoring_url)
    assert (found.returncode, found.stderr) == (0, "")
    lines = [line.split("   ") for line in found.stdout.splitlines()]
    rows = {(cells[0].strip(), *(cell.strip() for cell in cells if cell.strip())) for cells in lines}
    table = {row[3]: row[4:] for row in rows}
    assert table["NAME"] == ("STATUS", "FAULTS", "SUMMARY")
    assert table["refuse"] == ("in force", "0", "request.size > 5")
    assert table["h"] == ("kept", "1", "denier")
    assert table["other"] == ("faulty", "1", "always")
    assert table["n"] == ("in force", "0", "checknothing")
    assert table["secret"] == ("in force, unused", "0", "redisquota")


def test_a_kind_name_and_namespace_select(mixer: MixerProcess) -> None:
    def names(*arguments: str) -> list[str]:
        found = mizzen("get", *arguments, "-s", mixer.monitoring_url, "-o", "name")
        assert found.returncode == 0
        return found.stdout.split()

    assert names("rules") == ["rule/other", "rule/refuse"]
    assert names("Rule", "-n", "prod") == ["rule/other"]
    assert names("handlers") == ["denier/h", "handler/secret", "listchecker/secrets"]
    assert names("denier/h") == names("denier", "h") == names("handler", "h") == ["denier/h"]
    assert len(names("all")) == len(names()) == 6


def test_what_is_in_force_is_shown_while_the_newest_version_is_faulty(mixer: MixerProcess) -> None:
    found = mizzen("get", "denier", "h", "-s", mixer.monitoring_url, "-o", "json")
    resource = json.loads(found.stdout)
    assert resource["spec"] == {"status": {"code": 7}}
    assert resource["status"]["state"] == "kept"
    assert resource["status"]["usedBy"] == ["refuse.rule.istio-system"]
    assert resource["status"]["errors"][0]["value"] == '"seven"'
    (again,) = yaml.safe_load_all(mizzen("get", "denier", "h", "-s", mixer.monitoring_url, "-o", "yaml").stdout)
    assert again == resource


def test_a_resource_is_described_with_its_faults(mixer: MixerProcess) -> None:
    found = mizzen("describe", "denier/h", "-s", mixer.monitoring_url)
    assert found.returncode == 0
    text = found.stdout
    assert "Status:       kept: the last good version is in force\n" in text
    assert "Used by:      refuse.rule.istio-system\n" in text
    assert '  spec.status.code: "seven" is not a status code\n' in text
    assert "a.yaml:5:" in text
    rule = mizzen("describe", "rule", "refuse", "-s", mixer.monitoring_url).stdout
    assert "Labels:       team=blue\n" in rule
    assert rule.endswith("Faults:       none\n")


@pytest.mark.parametrize("output", ["json", "yaml", "wide"])
def test_secrets_are_not_shown(mixer: MixerProcess, output: str) -> None:
    found = mizzen("get", "handlers", "-s", mixer.monitoring_url, "-o", output)
    assert found.returncode == 0
    assert "hunter2" not in found.stdout
    assert ("(hidden)" in found.stdout) == (output != "wide")


def test_what_is_not_there_is_told(mixer: MixerProcess) -> None:
    found = mizzen("get", "rule", "nothing", "-s", mixer.monitoring_url)
    assert (found.returncode, found.stderr) == (1, "mizzen get: rule nothing not found\n")
    found = mizzen("get", "rulers", "-s", mixer.monitoring_url)
    assert (found.returncode, found.stdout) == (0, "")
    assert found.stderr.startswith("No resources found; there are: denier, handler, ")
    assert mizzen("describe", "rulers", "-s", mixer.monitoring_url).returncode == 1


def test_a_server_that_cannot_be_asked_is_told(mixer: MixerProcess) -> None:
    found = mizzen("get", "-s", "localhost:15014")
    assert found.returncode == 2
    assert found.stderr == "mizzen get: --server 'localhost:15014'; accepted: a URL such as http://127.0.0.1:15014\n"
    found = mizzen("get", "-s", "http://127.0.0.1:1")
    assert found.returncode == 1
    assert "Connection refused; is the Mixer's monitoring port there?" in found.stderr
    found = mizzen("get", "-s", mixer.monitoring_url + "/healthz")
    assert found.returncode == 1
    assert "HTTP 404" in found.stderr


def test_the_environment_names_the_server(mixer: MixerProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIZZEN_SERVER", mixer.monitoring_url)
    assert mizzen("get", "rule").returncode == 0
