"""Envoy's complete configuration, rendered from a template and the settings of `mizzen proxy`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from mizzen.agent.address import HostPort
from mizzen.agent.envoy_yaml import dump
from mizzen.agent.filter_config import load_mapping
from mizzen.agent.template import has_placeholders, read_text, render
from mizzen.config import ConfigError, Position

DEFAULT_TEMPLATE = "envoy.yaml"
EXTENSIONS = "type.googleapis.com/envoy.extensions."
STRUCT = "type.googleapis.com/google.protobuf.Struct"
DEFAULT_BACKEND = HostPort("localhost", 8080)
DEFAULT_MIXER = HostPort("localhost", 9091)
# Check and Report on for one service that every request belongs to.
DEFAULT_FILTER_CONFIG: Mapping[str, Any] = {
    "default_destination_service": "default",
    "service_configs": {"default": {}},
    "mixer_attributes": {"attributes": {"context.reporter.kind": {"string_value": "inbound"}}},
}
# No service: nothing is checked or reported. Outbound: the node's `source.uid` is forwarded.
DEFAULT_CLIENT_FILTER_CONFIG: Mapping[str, Any] = {
    "mixer_attributes": {"attributes": {"context.reporter.kind": {"string_value": "outbound"}}},
}
# Check and Report on, as for the original's empty one.
DEFAULT_TCP_FILTER_CONFIG: Mapping[str, Any] = {
    "mixer_attributes": {"attributes": {"context.reporter.kind": {"string_value": "inbound"}}},
}


@dataclass(frozen=True)
class Settings:
    """What a template can use. Ports may be 0: Envoy then takes any free one."""

    backend: HostPort = DEFAULT_BACKEND
    mixer: HostPort = DEFAULT_MIXER
    address: str = "127.0.0.1"
    port: int = 9090
    client_port: int | None = None
    tcp_port: int | None = None
    admin_port: int = 15000
    node_id: str = "sidecar~127.0.0.1~proxy.default~default.svc.cluster.local"
    node_metadata: Mapping[str, Any] = field(default_factory=dict)
    filter_config: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_FILTER_CONFIG)
    client_filter_config: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_CLIENT_FILTER_CONFIG)
    tcp_filter_config: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_TCP_FILTER_CONFIG)
    module: Path | None = None


@dataclass(frozen=True)
class Rendered:
    """A complete configuration as text, in YAML or (which is also YAML) JSON; `source` is the file it came from."""

    text: str
    source: str

    def text_for(self, path: Path) -> str:
        """The text in the format that Envoy expects by the file's extension; others raise `ConfigError`."""
        if path.suffix in (".yaml", ".yml"):
            return self.text
        if path.suffix == ".json":
            return json.dumps(load_mapping(self.text, self.source).value, indent=2, ensure_ascii=False) + "\n"
        reason = "has no extension that tells Envoy the format"
        raise ConfigError(
            reason, position=Position(str(path), 1, 1), accepted="a name that ends in .yaml, .yml or .json"
        )


def render_bootstrap(settings: Settings, template: Path | None = None) -> Rendered:
    """Render the template, or the built-in one; bad text raises `ConfigError` with file and line."""
    if template is None:
        text = resources.files(__package__).joinpath(DEFAULT_TEMPLATE).read_text(encoding="utf-8")
        document = load_mapping(render(text, DEFAULT_TEMPLATE, variables(settings)), DEFAULT_TEMPLATE).value
        return Rendered(dump(document), DEFAULT_TEMPLATE)
    text = read_text(template)
    if has_placeholders(text):
        text = render(text, str(template), variables(settings))
    return Rendered(text, str(template))


def variables(settings: Settings) -> dict[str, object]:
    """The names a template may use. Those of whole objects hold JSON on one line, which YAML takes anywhere."""
    node = {"id": settings.node_id, "cluster": "mizzen", "metadata": dict(settings.node_metadata)}
    module = module_config(settings.module or native_module())
    plain: dict[str, object] = {
        "PORT": settings.port,
        "BACKEND": str(settings.backend),
        "MIXER_SERVER": str(settings.mixer),
        "ADDRESS": settings.address,
        "ADDRESS_TO_CONNECT": {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.address, settings.address),  # noqa: S104
        "ADMIN_PORT": settings.admin_port,
        "CLIENT_PORT": settings.client_port,
        "TCP_PORT": settings.tcp_port,
        "BACKEND_HOST": settings.backend.host,
        "BACKEND_PORT": settings.backend.port,
        "BACKEND_TYPE": settings.backend.cluster_type,
        "MIXER_HOST": settings.mixer.host,
        "MIXER_PORT": settings.mixer.port,
        "MIXER_TYPE": settings.mixer.cluster_type,
        "NODE_ID": settings.node_id,
    }
    objects: dict[str, Any] = {
        "NODE": node,
        "NODE_METADATA": node["metadata"],
        "FILTER_CONFIG": dict(settings.filter_config),
        "CLIENT_FILTER_CONFIG": dict(settings.client_filter_config),
        "TCP_FILTER_CONFIG": dict(settings.tcp_filter_config),
        "MODULE_CONFIG": module,
        "MIXER_FILTER": http_filter(module, settings.filter_config),
        "MIXER_ACCESS_LOG": access_log(module, settings.filter_config),
        "CLIENT_MIXER_FILTER": http_filter(module, settings.client_filter_config),
        "CLIENT_MIXER_ACCESS_LOG": access_log(module, settings.client_filter_config),
        "MIXER_TCP_FILTER": tcp_filter(module, settings.tcp_filter_config),
        "MIXER_BOOTSTRAP": bootstrap_extension(module, {"node": {"id": node["id"], "metadata": node["metadata"]}}),
        "MIXER_CLUSTER": mixer_cluster(settings.mixer),
    }
    return plain | {name: json.dumps(value, ensure_ascii=False) for name, value in objects.items()}


def native_module() -> Path:
    """The Envoy module inside the installed package; Envoy is told its absolute path."""
    return Path(str(resources.files("mizzen").joinpath("_native/libmizzen_envoy.so"))).absolute()


def module_config(module: Path) -> dict[str, Any]:
    """`do_not_close`: the module keeps its caches and batches across configuration updates."""
    return {"module": {"local": {"filename": str(module)}}, "do_not_close": True, "metrics_namespace": "mizzen"}


def struct(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": STRUCT, "value": dict(value)}


def extension(kind: str, role: str, module: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the module as Envoy's configuration names it: all kinds alike but for the `role` in two field names."""
    return {
        "name": "mixer",
        "typed_config": {
            "@type": f"{EXTENSIONS}{kind}",
            "dynamic_module_config": module,
            f"{role}_name": "mixer",
            f"{role}_config": struct(config),
        },
    }


def http_filter(module: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    return extension("filters.http.dynamic_modules.v3.DynamicModuleFilter", "filter", module, config)


def tcp_filter(module: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    return extension("filters.network.dynamic_modules.v3.DynamicModuleNetworkFilter", "filter", module, config)


def access_log(module: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    return extension("access_loggers.dynamic_modules.v3.DynamicModuleAccessLog", "logger", module, config)


def bootstrap_extension(module: dict[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    return extension("bootstrap.dynamic_modules.v3.DynamicModuleBootstrapExtension", "extension", module, config)


def mixer_cluster(mixer: HostPort) -> dict[str, Any]:
    """The cluster every call of the filter goes to: HTTP/2, with the request limits of the original template."""
    protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    address: dict[str, Any] = {"address": mixer.host, "port_value": mixer.port}
    return {
        "name": "mixer_server",
        "type": mixer.cluster_type,
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [{"max_pending_requests": 10000, "max_requests": 10000}]},
        "typed_extension_protocol_options": {
            protocol: {
                "@type": f"type.googleapis.com/{protocol}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "mixer_server",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": address}}}]}],
        },
    }
