"""The command line of `mizzen proxy`, without starting Envoy."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from mizzen.cli.main import app


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["proxy", *arguments])


def printed(*arguments: str) -> Any:
    result = run("--print", *arguments)
    assert result.exit_code == 0, result.output
    return yaml.safe_load(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--no-such-flag"], "No such option"),
        (["-a"], "requires an argument"),
        (["stray"], "unexpected extra argument"),
        (["-a", "localhost"], "'localhost' has no port"),
        (["-m", "::1:9091"], "needs brackets"),
        (["-p", "70000"], "'70000'; accepted: 0 to 65535"),
        (["-p", "http"], "'http'; accepted: 0 to 65535"),
        (["--admin-port", "-1"], "'-1'; accepted: 0 to 65535"),
        (["--concurrency", "-1"], "'-1'; accepted: 0 to 1024"),
        (["--client-port", "x"], "'x'; accepted: 0 to 65535"),
        (["-l", "loud"], "'loud'; accepted: trace, debug"),
        (["--address", "localhost"], "is not an IP address"),
        (["--node-metadata", "{"], "is not JSON"),
        (["--node-metadata", "[1]"], "accepted: a JSON object"),
    ],
)
def test_a_bad_flag_prints_the_usage_and_exits_2(arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: mizzen proxy" in result.stderr
    assert complaint in " ".join(result.stderr.split())


def test_the_help_names_every_flag() -> None:
    text = run("-h").stdout
    for flag in (
        "-a, --backend",
        "-c, --config",
        "-e, --envoy",
        "-l, --log-level",
        "-m, --mixer",
        "-p, --port",
        "-t, --template",
        "--admin-port",
        "--concurrency",
        "--client-port",
        "--filter-config",
        "--client-filter-config",
        "--node-id",
        "--node-metadata",
        "--print",
        "--address",
    ):
        assert flag in text


def test_the_flags_reach_the_configuration() -> None:
    document = printed(
        *("-a", "[::1]:81", "-m", "mixer.example:82", "-p", "83", "--admin-port", "84", "--client-port", "85"),
        *("--address", "::", "--node-id", "sidecar~1~a.b~c", "--node-metadata", '{"NODE_UID": "u"}'),
    )
    text = json.dumps(document)
    ports = [listener["address"]["socket_address"] for listener in document["static_resources"]["listeners"]]
    assert ports == [{"address": "::", "port_value": 83}, {"address": "::", "port_value": 85}]
    for endpoint in ('"address": "::1", "port_value": 81', '"address": "mixer.example", "port_value": 82'):
        assert endpoint in text
    assert document["admin"]["address"]["socket_address"]["port_value"] == 84
    assert document["node"] == {"id": "sidecar~1~a.b~c", "cluster": "mizzen", "metadata": {"NODE_UID": "u"}}


def test_the_defaults_are_those_of_start_envoy() -> None:
    text = json.dumps(printed())
    for endpoint in ('"address": "localhost", "port_value": 8080', '"address": "localhost", "port_value": 9091'):
        assert endpoint in text
    assert '"address": "127.0.0.1", "port_value": 9090' in text
    assert '"address": "127.0.0.1", "port_value": 15000' in text


def test_the_node_is_named_after_the_host() -> None:
    host = socket.gethostname().split(".")[0] or "localhost"
    assert printed()["node"]["id"] == f"sidecar~127.0.0.1~{host}.default~default.svc.cluster.local"


def test_with_a_client_side_any_free_port_is_known_before_envoy_starts() -> None:
    document = printed("-p", "0", "--client-port", "0")
    server, client = document["static_resources"]["listeners"]
    port = server["address"]["socket_address"]["port_value"]
    assert port > 0
    assert client["address"]["socket_address"]["port_value"] == 0
    assert f'"port_value": {port}' in json.dumps(document["static_resources"]["clusters"])


def test_filter_configs_of_both_sides_are_taken_as_yaml_and_json(tmp_path: Path) -> None:
    server, client = tmp_path / "server.yaml", tmp_path / "client.json"
    server.write_text("default_destination_service: d\nserviceConfigs: {d: {disable_check_calls: true}}\n")
    client.write_text('{"ignoreForwardedAttributes": true}')
    document = printed("--client-port", "1", "--filter-config", str(server), "--client-filter-config", str(client))
    configs = [
        listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]["filter_config"]
        for listener in document["static_resources"]["listeners"]
    ]
    assert configs[0]["value"] == {
        "default_destination_service": "d",
        "serviceConfigs": {"d": {"disable_check_calls": True}},
    }
    assert configs[1]["value"] == {"ignoreForwardedAttributes": True}


@pytest.mark.parametrize("flag", ["--filter-config", "--client-filter-config", "--template"])
def test_a_missing_file_is_named_and_exits_1(flag: str, tmp_path: Path) -> None:
    result = run(flag, str(tmp_path / "absent.yaml"), "--print")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "absent.yaml:1:1" in result.stderr
    assert "No such file" in result.stderr


def test_an_unknown_placeholder_is_told_with_its_line_and_the_known_ones(tmp_path: Path) -> None:
    template = tmp_path / "own.yaml"
    template.write_text("a: ${PORT}\nb: ${SERVICE}\n")
    result = run("--template", str(template), "--print")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "${SERVICE}: is not known" in result.stderr
    assert "own.yaml:2:4" in result.stderr
    assert "BACKEND" in result.stderr


def test_an_own_template_is_printed_with_its_comments(tmp_path: Path) -> None:
    template = tmp_path / "own.yaml"
    template.write_text("# mine\na: ${PORT} # ${BACKEND} ${MIXER_SERVER}\n")
    result = run("--template", str(template), "--print", "-p", "7")
    assert result.stdout == "# mine\na: 7 # localhost:8080 localhost:9091\n"


def test_an_output_file_of_unknown_format_is_refused(tmp_path: Path) -> None:
    result = run("--config", str(tmp_path / "envoy.conf"))
    assert result.exit_code == 1
    assert "accepted a name that ends in .yaml, .yml or .json" in " ".join(result.stderr.split())
