"""Configuration is read as protobuf's JSON, and a bad one says where and what is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format

from mizzen.wire import WireConfigError, parse_http_client_config, parse_service_config, parse_tcp_client_config
from mizzen.wire.pb.istio.mixer.v1.config.client import client_config_pb2

TRANSPORT: dict[str, Any] = {
    "disable_check_cache": True,
    "disable_quota_cache": True,
    "disable_report_batch": True,
    "network_fail_policy": {
        "policy": "FAIL_CLOSE",
        "max_retry": 3,
        "base_retry_wait": "0.020s",
        "max_retry_wait": "3s",
    },
    "stats_update_interval": "20s",
    "check_cluster": "checks",
    "report_cluster": "reports",
    "report_batch_max_entries": 7,
    "report_batch_max_time": "0.500s",
    "check_cache_entries": 0,
    "check_join": False,
    "rpc_timeout": "2s",
    "report_buffer_entries": 5,
    "report_buffer_bytes": "6000000000",
    "report_delta_encoding": True,
}

ATTRIBUTES: dict[str, Any] = {
    "attributes": {
        "source.uid": {"string_value": "x"},
        "destination.port": {"int64_value": "80"},
        "destination.ip": {"bytes_value": "CgAAAQ=="},
        "context.reporter.local": {"bool_value": True},
        "score": {"double_value": 1.5},
        "source.labels": {"string_map_value": {"entries": {"app": "web"}}},
    }
}

QUOTA_SPEC: dict[str, Any] = {
    "rules": [
        {
            "match": [{"clause": {"request.path": {"prefix": "/v1/"}, "request.method": {"exact": "GET"}}}],
            "quotas": [{"quota": "RequestCount", "charge": "5"}],
        }
    ]
}

SERVICE: dict[str, Any] = {
    "disable_check_calls": True,
    "disable_report_calls": True,
    "mixer_attributes": ATTRIBUTES,
    "forward_attributes": ATTRIBUTES,
    "http_api_spec": [
        {
            "attributes": ATTRIBUTES,
            "patterns": [{"attributes": ATTRIBUTES, "http_method": "GET", "uri_template": "/pets/{id}"}],
            "api_keys": [{"query": "key"}, {"header": "x-api-key"}, {"cookie": "key"}],
        }
    ],
    "quota_spec": [QUOTA_SPEC],
    "network_fail_policy": {"policy": "FAIL_CLOSE"},
}

HTTP: dict[str, Any] = {
    "transport": TRANSPORT,
    "service_configs": {"echo.demo.svc": SERVICE},
    "default_destination_service": "echo.demo.svc",
    "mixer_attributes": ATTRIBUTES,
    "forward_attributes": ATTRIBUTES,
    "ignore_forwarded_attributes": True,
}

TCP: dict[str, Any] = {
    "transport": TRANSPORT,
    "mixer_attributes": ATTRIBUTES,
    "disable_check_calls": True,
    "disable_report_calls": True,
    "connection_quota_spec": QUOTA_SPEC,
    "report_interval": "5s",
    "check_on_connect": True,
}

KINDS = [
    pytest.param(parse_http_client_config, client_config_pb2.HttpClientConfig, HTTP, id="http"),
    pytest.param(parse_tcp_client_config, client_config_pb2.TcpClientConfig, TCP, id="tcp"),
    pytest.param(parse_service_config, client_config_pb2.ServiceConfig, SERVICE, id="service"),
]


@pytest.mark.parametrize(("parse", "message", "config"), KINDS)
def test_every_field_is_read_as_protobuf_reads_it(parse: Any, message: Any, config: dict[str, Any]) -> None:
    meant = json_format.ParseDict(config, message())
    assert {field.name for field, _ in meant.ListFields()} == {field.name for field in meant.DESCRIPTOR.fields}
    for preserve in (True, False):
        text = json_format.MessageToJson(meant, preserving_proto_field_name=preserve)
        read = json_format.Parse(parse(text), message())
        assert json_format.MessageToDict(read) == json_format.MessageToDict(meant)


@pytest.mark.parametrize(("parse", "message", "config"), KINDS)
def test_the_canonical_form_is_a_fixed_point(parse: Any, message: Any, config: dict[str, Any]) -> None:
    canonical = parse(json.dumps(config))
    assert parse(canonical) == canonical
    assert parse("{}") == parse("") == "{}"


@pytest.mark.parametrize(
    ("config", "path", "value", "reason", "accepted"),
    [
        ({"transport": {"chekCluster": "x"}}, "transport.chekCluster", '"x"', "did you mean check_cluster", "fields "),
        (
            {"serviceConfigs": {"a.b": {"quotaSpec": [{"rules": 5}]}}},
            'service_configs["a.b"].quota_spec[0].rules',
            "5",
            "expected a list",
            "a list",
        ),
        ({"transport": {"rpcTimeout": "5"}}, "transport.rpc_timeout", '"5"', "not a duration", "1.5s"),
    ],
)
def test_an_error_names_path_value_reason_and_what_is_accepted(
    config: dict[str, Any], path: str, value: str, reason: str, accepted: str
) -> None:
    with pytest.raises(WireConfigError) as raised:
        parse_http_client_config(json.dumps(config))
    error = raised.value
    assert (error.path, error.value) == (path, value)
    assert reason in error.reason
    assert accepted in error.accepted
    assert path in str(error)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("parse", [parse_http_client_config, parse_tcp_client_config, parse_service_config])
@pytest.mark.parametrize("text", ["{", "[]", "null", "5", '{"a":\n}', '{"\\ud800": 1}'])
def test_what_is_no_object_is_refused(parse: Any, text: str) -> None:
    with pytest.raises(WireConfigError):
        parse(text)
