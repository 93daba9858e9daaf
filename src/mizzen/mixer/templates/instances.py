"""The instances of the eleven templates: what an adapter receives, one class per template.

`name` is the canonical name of the instance in the configuration (`requestcount.instance.istio-system`). A field whose
expression is empty has the default below. Values are `str`, `int`, `float`, `bool`, `bytes` (an IP address, 4 or 16
bytes), `Timestamp`, `Duration`, a mapping of texts, or None for an empty expression. An instance may go to several
handlers, so adapters read it and never change it (the classes are not frozen only because that doubles their cost).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mizzen.mixer.expr import Timestamp, Value

Values = Mapping[str, Value | None]
"""A map of values of any type, by name; null for a name whose expression is empty."""


@dataclass(slots=True)
class Instance:
    """Base of all instances."""

    template: ClassVar[str] = ""
    name: str


@dataclass(slots=True)
class ApiKey(Instance):
    template: ClassVar[str] = "apikey"
    api: str = ""
    api_version: str = ""
    api_operation: str = ""
    api_key: str = ""
    timestamp: Timestamp | None = None


@dataclass(slots=True)
class Subject:
    """Who asks; `groups` is one text."""

    user: str = ""
    groups: str = ""
    properties: Values = field(default_factory=dict)


@dataclass(slots=True)
class Action:
    """What is asked for."""

    namespace: str = ""
    service: str = ""
    method: str = ""
    path: str = ""
    properties: Values = field(default_factory=dict)


@dataclass(slots=True)
class Authorization(Instance):
    template: ClassVar[str] = "authorization"
    subject: Subject = field(default_factory=Subject)
    action: Action = field(default_factory=Action)


@dataclass(slots=True)
class CheckNothing(Instance):
    template: ClassVar[str] = "checknothing"


@dataclass(slots=True)
class ListEntry(Instance):
    template: ClassVar[str] = "listentry"
    value: Value | None = None


@dataclass(slots=True)
class Quota(Instance):
    template: ClassVar[str] = "quota"
    dimensions: Values = field(default_factory=dict)


@dataclass(slots=True)
class Metric(Instance):
    template: ClassVar[str] = "metric"
    value: Value | None = None
    dimensions: Values = field(default_factory=dict)
    monitored_resource_type: str = ""
    monitored_resource_dimensions: Values = field(default_factory=dict)


@dataclass(slots=True)
class LogEntry(Instance):
    template: ClassVar[str] = "logentry"
    variables: Values = field(default_factory=dict)
    timestamp: Timestamp | None = None
    severity: str = ""
    monitored_resource_type: str = ""
    monitored_resource_dimensions: Values = field(default_factory=dict)


@dataclass(slots=True)
class TraceSpan(Instance):
    template: ClassVar[str] = "tracespan"
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    span_name: str = ""
    start_time: Timestamp | None = None
    end_time: Timestamp | None = None
    span_tags: Values = field(default_factory=dict)
    http_status_code: int = 0
    client_span: bool = False
    rewrite_client_span_id: bool = False
    source_name: str = ""
    source_ip: bytes | None = None
    destination_name: str = ""
    destination_ip: bytes | None = None
    request_size: int = 0
    request_total_size: int = 0
    response_size: int = 0
    response_total_size: int = 0
    api_protocol: str = ""


@dataclass(slots=True)
class Edge(Instance):
    template: ClassVar[str] = "edge"
    timestamp: Timestamp | None = None
    source_workload_namespace: str = ""
    source_workload_name: str = ""
    source_owner: str = ""
    source_uid: str = ""
    destination_workload_namespace: str = ""
    destination_workload_name: str = ""
    destination_owner: str = ""
    destination_uid: str = ""
    destination_service_namespace: str = ""
    destination_service_name: str = ""
    context_protocol: str = ""
    api_protocol: str = ""


@dataclass(slots=True)
class ReportNothing(Instance):
    template: ClassVar[str] = "reportnothing"


@dataclass(slots=True)
class Kubernetes(Instance):
    template: ClassVar[str] = "kubernetes"
    source_uid: str = ""
    source_ip: bytes | None = None
    destination_uid: str = ""
    destination_ip: bytes | None = None
    destination_port: int = 0
