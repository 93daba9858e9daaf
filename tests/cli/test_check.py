"""`mizzen check` and `mizzen report` against a real Mixer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from mizzen.client.monitoring import MonitoringError, read_json
from mizzen.testing import MixerProcess

from .command import mizzen

CONFIG = """\
kind: rule
metadata: {name: refuse}
spec:
  match: request.headers["x-user"] == "mallory"
  actions: [{handler: refuse, instances: [nothing]}]
---
{kind: handler, metadata: {name: refuse}, spec: {compiledAdapter: denier, params: {status: {code: 7, message: go}}}}
---
{kind: instance, metadata: {name: nothing}, spec: {compiledTemplate: checknothing}}
---
{kind: rule, metadata: {name: limit}, spec: {actions: [{handler: limit, instances: [rq]}]}}
---
{kind: instance, metadata: {name: rq}, spec: {compiledTemplate: quota, params: {dimensions: {u: 'source.user | "x"'}}}}
---
kind: handler
metadata: {name: limit}
spec:
  compiledAdapter: memquota
  params:
    quotas: [{name: rq.instance.istio-system, maxAmount: 5, validDuration: 3600s}]
---
{kind: rule, metadata: {name: log}, spec: {actions: [{handler: log, instances: [line]}]}}
---
kind: instance
metadata: {name: line}
spec: {compiledTemplate: logentry, params: {severity: '"info"', timestamp: request.time, variables: {u: source.user}}}
---
{kind: handler, metadata: {name: log}, spec: {compiledAdapter: stdio, params: {logStream: STDERR, outputAsJson: true}}}
"""
ALICE, MALLORY = "request.headers=x-user:alice", "request.headers=x-user:mallory"


@pytest.fixture(scope="module")
def mixer() -> Iterator[MixerProcess]:
    with MixerProcess({"a.yaml": CONFIG}, ["--decision-header", "X-Decision-Id"]) as found:
        yield found


def test_an_allowed_request_ends_with_status_zero(mixer: MixerProcess) -> None:
    found = mizzen("check", "-m", mixer.address, "-a", ALICE)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("Check RPC completed successfully. Check status was OK\n")
    assert "    request.headers::x-user EXACT\n" in found.stdout


def test_a_refusal_ends_with_status_three_and_can_be_looked_up(mixer: MixerProcess) -> None:
    found = mizzen(
        "check", "-m", mixer.address, "--stringmap_attributes", "request.headers=x-user:mallory", "-o", "json"
    )
    assert (found.returncode, found.stderr) == (3, "")
    answer = json.loads(found.stdout)
    assert answer["status"] == {
        "code": 7,
        "name": "PERMISSION_DENIED",
        "message": "refuse.istio-system:go",
    }
    identity = answer["decision_id"]
    assert answer["directive"]["response_header_operations"] == [{"name": "x-decision-id", "value": identity}]
    kept = read_json(mixer.monitoring_url, f"/decisions/{identity}")
    assert kept["rules"] == ["refuse.rule.istio-system"]
    assert identity in [entry["id"] for entry in read_json(mixer.monitoring_url, "/decisions")["decisions"]]
    with pytest.raises(MonitoringError, match="HTTP 404: no decision 'none'"):
        read_json(mixer.monitoring_url, "/decisions/none")


def test_a_decision_is_explained(mixer: MixerProcess) -> None:
    found = mizzen("check", "-m", mixer.address, "-a", MALLORY, "--explain")
    assert found.returncode == 3
    assert "  Rule refuse.rule.istio-system (check): matched\n" in found.stdout
    assert '      request.headers["x-user"] = "mallory"\n' in found.stdout
    assert "    answer PERMISSION_DENIED (go), valid for 5s, 1000 uses" in found.stdout
    found = mizzen("check", "-m", mixer.address, "-a", ALICE, "--explain", "-o", "json")
    assert found.returncode == 0
    outcomes = {rule["rule"]: rule["outcome"] for rule in json.loads(found.stdout)["explanation"]["rules"]}
    assert outcomes["refuse.rule.istio-system"] == "not_matched"


def test_a_quota_is_granted_until_nothing_is_left(mixer: MixerProcess) -> None:
    arguments = ["check", "-m", mixer.address, "-s", "source.user=quota", "-o", "json"]
    answers: list[Any] = []
    for amount, status in ((3, 0), (3, 0), (3, 3)):
        found = mizzen(*arguments, "-q", f"rq={amount}")
        assert found.returncode == status
        answers += [quota["granted"] for quota in json.loads(found.stdout)["quotas"]]
    assert answers == [3, 2, 0]


def test_attributes_come_from_a_file_and_flags_win(mixer: MixerProcess, tmp_path: Path) -> None:
    file = tmp_path / "attributes.json"
    file.write_text(json.dumps({"request.headers": {"x-user": "mallory"}, "source.ip": "10.0.0.1"}))
    assert mizzen("check", "-m", mixer.address, "--attributes-file", str(file)).returncode == 3
    assert mizzen("check", "-m", mixer.address, "-f", str(file), "-a", ALICE).returncode == 0
    assert mizzen("check", "-m", mixer.address, "-f", "-", stdin="request.headers: {x-user: mallory}").returncode == 3


def test_repeated_checks_are_summed_up(mixer: MixerProcess) -> None:
    found = mizzen(
        "check", "-m", mixer.address, "-a", ALICE, "-r", "5", "-c", "2", "--rate", "1000", "--no-print-response"
    )
    assert found.returncode == 0
    assert found.stdout.startswith("10 calls in ")
    assert ": OK 10\nlatency p50 " in found.stdout
    found = mizzen("check", "-m", mixer.address, "-a", MALLORY, "-r", "2", "-o", "json")
    *answers, summary = [json.loads(line) for line in found.stdout.splitlines()]
    assert (found.returncode, len(answers), summary["summary"]["outcomes"]) == (3, 2, {"PERMISSION_DENIED": 2})


def test_a_report_is_taken(mixer: MixerProcess, tmp_path: Path) -> None:
    file = tmp_path / "records.yaml"
    file.write_text("source.user: first\n---\nsource.user: second\n")
    found = mizzen(
        "report",
        "-m",
        mixer.address,
        "-f",
        str(file),
        "-t",
        "request.time=2018-01-01T00:00:00Z",
        "--report_batch_size",
        "2",
    )
    assert (found.returncode, found.stdout) == (0, "Report RPC returned OK: 4 records taken\n")
    log = mixer.log
    assert (log.count('"first"'), log.count('"second"')) == (2, 2)


def test_a_report_that_fails_says_so(mixer: MixerProcess) -> None:
    found = mizzen("report", "-m", mixer.address, "-s", "source.user=x")
    assert found.returncode == 1
    assert "UNKNOWN: " in found.stderr
    assert "request.time" in found.stderr
    found = mizzen("report", "-m", mixer.address, "-s", "source.user=x", "-o", "json", "-r", "2")
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [line["status"] for line in lines[:2]] == ["UNKNOWN", "UNKNOWN"]
    assert lines[2]["summary"]["outcomes"] == {"UNKNOWN": 2}


@pytest.mark.parametrize("verb", ["check", "report"])
def test_a_mixer_that_is_not_there_is_told(verb: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        found = mizzen(verb, "-m", address)
    assert found.returncode == 1
    assert found.stderr.startswith(f"mizzen {verb}: {address}: UNAVAILABLE: ")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-a", "source.ip=x"], "mizzen check: source.ip: 'x'; accepted: an IPv4 or IPv6 address (IP_ADDRESS)\n"),
        (["-i", "a=1.5"], "mizzen check: a: '1.5'; accepted: a whole number of 64 bits\n"),
        (["-b", "a=yes"], "mizzen check: a: 'yes'; accepted: true or false\n"),
        (["-s", "a"], "mizzen check: 'a'; accepted: name=value, several with commas between them\n"),
        (["-q", "rq"], "mizzen check: 'rq'; accepted: name=value, several with commas between them\n"),
        (["--tls-key", "k"], "mizzen check: --tls-certificate and --tls-key belong together\n"),
        (["--tls-ca", "/no/file"], "mizzen check: /no/file: is not a file; accepted: a file in PEM\n"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(arguments: list[str], text: str) -> None:
    found = mizzen("check", "-m", "127.0.0.1:1", *arguments)
    assert (found.returncode, found.stderr) == (2, text)


def test_an_attribute_of_a_file_that_is_not_known_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("request.sise: 5")
    found = mizzen("check", "-m", "127.0.0.1:1", "-f", str(file))
    assert found.returncode == 2
    assert f"{file}:1:1" in found.stderr
    assert "did you mean request.size?" in found.stderr


def test_a_mixer_that_does_not_explain_says_so() -> None:
    with MixerProcess({}, ["--no-explain"]) as mixer:
        found = mizzen("check", "-m", mixer.address, "--explain")
    assert found.returncode == 1
    assert "UNIMPLEMENTED: this Mixer does not explain its decisions" in found.stderr


def test_both_ends_can_show_certificates(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    server, client = authority.issue_cert("mixer.test"), authority.issue_cert("client.test")
    files = {
        name: str(tmp_path / f"{name}.pem") for name in ("ca", "other", "server", "server-key", "client", "client-key")
    }
    authority.cert_pem.write_to_path(files["ca"])
    other.cert_pem.write_to_path(files["other"])
    for name, pair in (("server", server), ("client", client)):
        pair.cert_chain_pems[0].write_to_path(files[name])
        pair.private_key_pem.write_to_path(files[f"{name}-key"])
    tls = ["--tls-certificate", files["server"], "--tls-key", files["server-key"], "--tls-client-ca", files["ca"]]
    own = ["--tls-certificate", files["client"], "--tls-key", files["client-key"], "--tls-server-name", "mixer.test"]
    with MixerProcess({}, tls) as mixer:
        assert mizzen("check", "-m", mixer.address, "--tls-ca", files["ca"], *own).returncode == 0
        assert mizzen("report", "-m", mixer.address, "--tls-ca", files["ca"], *own).returncode == 0
        found = mizzen("check", "-m", mixer.address, "--tls-ca", files["other"], "--timeout", "5", *own)
        assert found.returncode == 1
        assert "UNAVAILABLE" in found.stderr
