"""The protocol between filter and Mixer, `istio.mixer.v1`, as Python uses it.

The codec is native and the same as in Envoy's filter; the classes here are its face.

- `CheckCall`: one Check. `get` and `get_key` read attributes and remember what was read, `reply` sets the answer, which
  carries what was read as its referenced attributes.
- `ReportCall`: one Report. `bags` gives its records; `group` those that agree in what a `Plan` reads, taken together.
- `Server`: a native gRPC front that hands each call, as a `Pending`, to one function.
- `Bag`: attributes of a request or event, read without leaving a trace.
- `encode_check_request`, `encode_report_request`, `encode_attributes`, `decode_attributes`: messages from mappings and
  back, for tools and tests.
- `parse_http_client_config`, `parse_tcp_client_config`, `parse_service_config`: check a filter's configuration as the
  filter will read it; a bad one raises `WireConfigError`.
- `Timestamp`, `Duration`: exact to the nanosecond.
- `mizzen.wire.pb.istio.mixer.v1`: generated protobuf and gRPC classes of the whole protocol, for tools and tests.

A value is a `str`, `int`, `float`, `bool`, `bytes`, `Timestamp`, `Duration` or `dict[str, str]`.
Bad bytes raise `WireError`, a `ValueError`. Costs are in `docs/wire.md`.
"""

from __future__ import annotations

from mizzen import _wire
from mizzen._wire import (
    GLOBAL_WORD_COUNT,
    Bag,
    CheckCall,
    DictionaryMismatchError,
    Duration,
    HeaderOperation,
    Pending,
    Plan,
    QuotaParams,
    QuotaResult,
    References,
    ReportCall,
    RouteDirective,
    Server,
    Timestamp,
    WireConfigError,
    WireError,
    decode_attributes,
    encode_attributes,
    encode_check_request,
    encode_report_request,
    parse_http_client_config,
    parse_service_config,
    parse_tcp_client_config,
)

GLOBAL_WORDS = tuple(_wire.GLOBAL_WORDS)
"""The global dictionary; a word's place is its index on the wire. Four words hold quote characters."""

Value = str | int | float | bool | bytes | Timestamp | Duration | dict[str, str]
"""What an attribute's value is in Python."""

__all__ = [
    "GLOBAL_WORDS",
    "GLOBAL_WORD_COUNT",
    "Bag",
    "CheckCall",
    "DictionaryMismatchError",
    "Duration",
    "HeaderOperation",
    "Pending",
    "Plan",
    "QuotaParams",
    "QuotaResult",
    "References",
    "ReportCall",
    "RouteDirective",
    "Server",
    "Timestamp",
    "Value",
    "WireConfigError",
    "WireError",
    "decode_attributes",
    "encode_attributes",
    "encode_check_request",
    "encode_report_request",
    "parse_http_client_config",
    "parse_service_config",
    "parse_tcp_client_config",
]
