"""The eleven templates that Istio 1.4 compiles into its Mixer, field for field."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.mixer.expr import ValueType
from mizzen.mixer.templates import instances
from mizzen.mixer.templates.template import Dynamic, FieldType, Message, Template, Variety

_STRING = ValueType.STRING
_INT64 = ValueType.INT64
_BOOL = ValueType.BOOL
_TIMESTAMP = ValueType.TIMESTAMP
_IP_ADDRESS = ValueType.IP_ADDRESS
_STRING_MAP = ValueType.STRING_MAP
_VALUE = Dynamic.VALUE
_VALUES = Dynamic.VALUE_MAP

_RESOURCE: Mapping[str, FieldType] = {"monitored_resource_type": _STRING, "monitored_resource_dimensions": _VALUES}

_WORKLOAD_OUTPUTS: Mapping[str, ValueType] = {
    "pod_uid": _STRING,
    "pod_ip": _IP_ADDRESS,
    "pod_name": _STRING,
    "labels": _STRING_MAP,
    "namespace": _STRING,
    "service_account_name": _STRING,
    "host_ip": _IP_ADDRESS,
    "workload_uid": _STRING,
    "workload_name": _STRING,
    "workload_namespace": _STRING,
    "owner": _STRING,
}

_ALL = (
    Template(
        "apikey",
        Variety.CHECK,
        instances.ApiKey,
        {"api": _STRING, "api_version": _STRING, "api_operation": _STRING, "api_key": _STRING, "timestamp": _TIMESTAMP},
    ),
    Template(
        "authorization",
        Variety.CHECK,
        instances.Authorization,
        {
            "subject": Message(instances.Subject, {"user": _STRING, "groups": _STRING, "properties": _VALUES}),
            "action": Message(
                instances.Action,
                {"namespace": _STRING, "service": _STRING, "method": _STRING, "path": _STRING, "properties": _VALUES},
            ),
        },
    ),
    Template("checknothing", Variety.CHECK, instances.CheckNothing),
    Template("listentry", Variety.CHECK, instances.ListEntry, {"value": _VALUE}),
    Template("quota", Variety.QUOTA, instances.Quota, {"dimensions": _VALUES}),
    Template("metric", Variety.REPORT, instances.Metric, {"value": _VALUE, "dimensions": _VALUES, **_RESOURCE}),
    Template(
        "logentry",
        Variety.REPORT,
        instances.LogEntry,
        {"variables": _VALUES, "timestamp": _TIMESTAMP, "severity": _STRING, **_RESOURCE},
    ),
    Template(
        "tracespan",
        Variety.REPORT,
        instances.TraceSpan,
        {
            "trace_id": _STRING,
            "span_id": _STRING,
            "parent_span_id": _STRING,
            "span_name": _STRING,
            "start_time": _TIMESTAMP,
            "end_time": _TIMESTAMP,
            "span_tags": _VALUES,
            "http_status_code": _INT64,
            "client_span": _BOOL,
            "rewrite_client_span_id": _BOOL,
            "source_name": _STRING,
            "source_ip": _IP_ADDRESS,
            "destination_name": _STRING,
            "destination_ip": _IP_ADDRESS,
            "request_size": _INT64,
            "request_total_size": _INT64,
            "response_size": _INT64,
            "response_total_size": _INT64,
            "api_protocol": _STRING,
        },
    ),
    Template(
        "edge",
        Variety.REPORT,
        instances.Edge,
        {
            "timestamp": _TIMESTAMP,
            "source_workload_namespace": _STRING,
            "source_workload_name": _STRING,
            "source_owner": _STRING,
            "source_uid": _STRING,
            "destination_workload_namespace": _STRING,
            "destination_workload_name": _STRING,
            "destination_owner": _STRING,
            "destination_uid": _STRING,
            "destination_service_namespace": _STRING,
            "destination_service_name": _STRING,
            "context_protocol": _STRING,
            "api_protocol": _STRING,
        },
    ),
    Template("reportnothing", Variety.REPORT, instances.ReportNothing),
    Template(
        "kubernetes",
        Variety.ATTRIBUTE_GENERATOR,
        instances.Kubernetes,
        {
            "source_uid": _STRING,
            "source_ip": _IP_ADDRESS,
            "destination_uid": _STRING,
            "destination_ip": _IP_ADDRESS,
            "destination_port": _INT64,
        },
        outputs={
            **{
                f"{side}_{name}": type_
                for side in ("source", "destination")
                for name, type_ in _WORKLOAD_OUTPUTS.items()
            },
            "destination_container_name": _STRING,
        },
    ),
)

TEMPLATES: Mapping[str, Template] = {template.name: template for template in _ALL}
"""Every built-in template by name; the names are also the legacy instance kinds."""
