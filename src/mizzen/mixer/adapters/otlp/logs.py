"""Log entries as OTLP has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from mizzen.mixer.adapters.otlp import answers
from mizzen.mixer.adapters.otlp.values import SCOPE, add_attributes, clean_text, resource_of
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import LogEntry

METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
PATH = "/v1/logs"

_SEVERITIES = {
    "TRACE": SeverityNumber.SEVERITY_NUMBER_TRACE,
    "DEBUG": SeverityNumber.SEVERITY_NUMBER_DEBUG,
    "INFO": SeverityNumber.SEVERITY_NUMBER_INFO,
    "INFORMATIONAL": SeverityNumber.SEVERITY_NUMBER_INFO,
    "DEFAULT": SeverityNumber.SEVERITY_NUMBER_INFO,
    "NOTICE": SeverityNumber.SEVERITY_NUMBER_INFO2,
    "WARN": SeverityNumber.SEVERITY_NUMBER_WARN,
    "WARNING": SeverityNumber.SEVERITY_NUMBER_WARN,
    "ERR": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "ERROR": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "CRITICAL": SeverityNumber.SEVERITY_NUMBER_ERROR2,
    "FATAL": SeverityNumber.SEVERITY_NUMBER_FATAL,
    "ALERT": SeverityNumber.SEVERITY_NUMBER_FATAL,
    "EMERGENCY": SeverityNumber.SEVERITY_NUMBER_FATAL,
}
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-fA-F]{32}", re.ASCII)
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-fA-F]{16}", re.ASCII)


def message_of(entry: LogEntry, now: int) -> LogRecord:
    """The body is the name of the instance, the variables are attributes; `now` is when the entry was seen.

    Variables `trace_id` and `span_id` that hold such identities also connect the record with its trace.
    """
    trace, span = entry.variables.get("trace_id"), entry.variables.get("span_id")
    record = LogRecord(
        time_unix_nano=max(entry.timestamp.nanoseconds, 0) if entry.timestamp else now,
        observed_time_unix_nano=now,
        severity_number=_SEVERITIES.get(entry.severity.upper(), SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED),
        severity_text=clean_text(entry.severity),
        body=AnyValue(string_value=entry.name),
        trace_id=_identity(_TRACE_ID, trace),
        span_id=_identity(_SPAN_ID, span),
    )
    add_attributes(record.attributes, entry.variables)
    return record


def request_of(records: Iterable[LogRecord], common: Mapping[str, str]) -> bytes:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(resource=resource_of(common))
    group.scope_logs.add(scope=SCOPE, log_records=records)
    return request.SerializeToString()


def refused_of(answer: bytes) -> int:
    """How many records the collector did not take, by its answer."""
    return answers.refused_of(ExportLogsServiceResponse, "rejected_log_records", answer)


def _identity(form: re.Pattern[str], value: Value | None) -> bytes:
    return bytes.fromhex(value) if isinstance(value, str) and form.fullmatch(value) else b""
