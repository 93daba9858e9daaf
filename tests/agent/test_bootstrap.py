"""The rendered configuration; Envoy itself judges it in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mizzen.agent.address import HostPort
from mizzen.agent.bootstrap import Settings, render_bootstrap, variables
from mizzen.config import ConfigError


def rendered(settings: Settings) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(render_bootstrap(settings).text)
    return document


def manager(document: dict[str, Any], listener: int) -> dict[str, Any]:
    chain = document["static_resources"]["listeners"][listener]["filter_chains"][0]
    config: dict[str, Any] = chain["filters"][0]["typed_config"]
    return config


def cluster(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in document["static_resources"]["clusters"] if entry["name"] == name)


def socket_address(entry: dict[str, Any]) -> dict[str, Any]:
    endpoint = entry["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    address: dict[str, Any] = endpoint["address"]["socket_address"]
    return address


def test_everything_listens_on_loopback_by_default() -> None:
    document = rendered(Settings())
    listeners = document["static_resources"]["listeners"]
    assert [entry["address"]["socket_address"] for entry in listeners] == [{"address": "127.0.0.1", "port_value": 9090}]
    assert document["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 15000}


def test_the_admin_interface_stays_on_loopback_when_the_listener_does_not() -> None:
    document = rendered(Settings(address="0.0.0.0"))  # noqa: S104
    assert document["static_resources"]["listeners"][0]["address"]["socket_address"]["address"] == "0.0.0.0"  # noqa: S104
    assert document["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_the_mixer_filter_stands_before_the_router_and_logs_every_stream() -> None:
    config = manager(rendered(Settings()), 0)
    assert [entry["name"] for entry in config["http_filters"]] == ["mixer", "envoy.filters.http.router"]
    assert [entry["name"] for entry in config["access_log"]] == ["mixer"]
    filter_config = config["http_filters"][0]["typed_config"]["filter_config"]
    assert filter_config == config["access_log"][0]["typed_config"]["logger_config"]
    assert filter_config["value"]["service_configs"] == {"default": {}}


def test_the_module_is_named_by_absolute_path_and_kept_loaded() -> None:
    config = manager(rendered(Settings(module=Path("/opt/m.so"))), 0)["http_filters"][0]["typed_config"]
    assert config["dynamic_module_config"] == {
        "module": {"local": {"filename": "/opt/m.so"}},
        "do_not_close": True,
        "metrics_namespace": "mizzen",
    }
    assert Path(json.loads(str(variables(Settings())["MODULE_CONFIG"]))["module"]["local"]["filename"]).is_absolute()


def test_the_client_side_is_absent_unless_asked_for() -> None:
    document = rendered(Settings())
    assert len(document["static_resources"]["listeners"]) == 1
    assert [entry["name"] for entry in document["static_resources"]["clusters"]] == ["backend", "mixer_server"]


def test_the_client_side_forwards_attributes_and_routes_to_the_server_side() -> None:
    document = rendered(Settings(client_port=7070, port=9999, address="::"))
    config = manager(document, 1)
    value = config["http_filters"][0]["typed_config"]["filter_config"]["value"]
    assert value == {"mixer_attributes": {"attributes": {"context.reporter.kind": {"string_value": "outbound"}}}}
    assert config["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"] == "server"
    assert socket_address(cluster(document, "server")) == {"address": "::1", "port_value": 9999}


def test_the_tcp_port_is_checked_and_leads_to_the_same_service() -> None:
    document = rendered(Settings(tcp_port=7000, tcp_filter_config={"report_interval": "2s"}))
    listener = document["static_resources"]["listeners"][1]
    assert (listener["name"], listener["stat_prefix"]) == ("tcp", "tcp")
    assert listener["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 7000}
    mixer, proxy = listener["filter_chains"][0]["filters"]
    assert mixer["typed_config"]["filter_name"] == "mixer"
    assert mixer["typed_config"]["filter_config"]["value"] == {"report_interval": "2s"}
    assert (proxy["typed_config"]["cluster"], proxy["typed_config"]["idle_timeout"]) == ("backend", "0s")


@pytest.mark.parametrize(
    ("host", "kind"), [("localhost", "STRICT_DNS"), ("10.1.2.3", "STATIC"), ("2001:db8::1", "STATIC")]
)
def test_names_are_resolved_and_addresses_are_static(host: str, kind: str) -> None:
    document = rendered(Settings(backend=HostPort(host, 1), mixer=HostPort(host, 2)))
    for name, port in (("backend", 1), ("mixer_server", 2)):
        entry = cluster(document, name)
        assert entry["type"] == kind
        assert socket_address(entry) == {"address": host, "port_value": port}


def test_the_node_reaches_envoy_and_the_bootstrap_extension_unharmed() -> None:
    metadata = {"NODE_UID": 'a"b\\c', "list": [1, "ü", None], "NAME": "${PORT} {% x %}"}
    document = rendered(Settings(node_id='sidecar~1~"x".y~z', node_metadata=metadata))
    assert document["node"] == {"id": 'sidecar~1~"x".y~z', "cluster": "mizzen", "metadata": metadata}
    extension = document["bootstrap_extensions"][0]["typed_config"]
    assert extension["extension_config"]["value"] == {"node": {"id": 'sidecar~1~"x".y~z', "metadata": metadata}}


def test_an_own_template_gets_the_original_names_as_text(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("a: tcp://${BACKEND} # ${PORT}\nb: ${MIXER_SERVER}\n")
    settings = Settings(backend=HostPort("::1", 1), mixer=HostPort("m", 2), port=3)
    assert render_bootstrap(settings, path).text == "a: tcp://[::1]:1 # 3\nb: m:2\n"


def test_a_file_without_placeholders_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "complete.yaml"
    text = 'format: "{%START_TIME%} {# %}"\n'
    path.write_text(text)
    assert render_bootstrap(Settings(), path).text == text


def test_objects_can_stand_anywhere_in_an_own_template(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("f:\n- ${MIXER_FILTER}\nc: {x: [${MIXER_CLUSTER}]}\nn: ${NODE}\n")
    document = yaml.safe_load(render_bootstrap(Settings(), path).text)
    assert document["f"][0]["name"] == "mixer"
    assert document["c"]["x"][0]["name"] == "mixer_server"


def test_the_text_follows_the_extension_of_the_file() -> None:
    result = render_bootstrap(Settings())
    assert json.loads(result.text_for(Path("x.json"))) == yaml.safe_load(result.text_for(Path("x.yaml")))
    with pytest.raises(ConfigError, match=r"x\.conf:1:1: has no extension .*; accepted: .*\.yaml"):
        result.text_for(Path("x.conf"))
