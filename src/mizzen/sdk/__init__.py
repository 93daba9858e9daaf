"""The kit for adapters and templates of your own: see docs/adapter-sdk.md.

A module with a subclass of `Adapter` in a folder that `mizzen mixer --adapter-dir` names, or a package with an entry
point of the group `mizzen.adapters`, adds an adapter; `template_of` declares a template. Names of this module are
stable; `mizzen.testing` has what tests of adapters need.
"""

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.mixer.adapters import (
    OK,
    AdapterError,
    CheckResult,
    Code,
    DirectResponse,
    Environment,
    InstanceGroup,
    PartialReportError,
    QuotaArguments,
    QuotaResult,
    Status,
)
from mizzen.mixer.adapters import texts as _texts
from mizzen.mixer.expr import Duration, Timestamp, Value, ValueType
from mizzen.mixer.templates import (
    TEMPLATES,
    ApiKey,
    Authorization,
    CheckNothing,
    Edge,
    Instance,
    InstanceTypes,
    Kubernetes,
    ListEntry,
    LogEntry,
    Metric,
    Problem,
    Quota,
    ReportNothing,
    Template,
    TraceSpan,
    Values,
    Variety,
)
from mizzen.sdk.adapter import Adapter, Params
from mizzen.sdk.declare import DeclarationError, template_of

to_text = _texts.stringify
"""A value as the text that labels, tags and tables show; null is the empty text."""

__all__ = [
    "OK",
    "TEMPLATES",
    "Adapter",
    "AdapterError",
    "ApiKey",
    "Authorization",
    "CheckNothing",
    "CheckResult",
    "Code",
    "DeclarationError",
    "DirectResponse",
    "Duration",
    "DurationNs",
    "Edge",
    "Environment",
    "Instance",
    "InstanceGroup",
    "InstanceTypes",
    "Kubernetes",
    "ListEntry",
    "LogEntry",
    "Metric",
    "Params",
    "PartialReportError",
    "Problem",
    "Quota",
    "QuotaArguments",
    "QuotaResult",
    "ReportNothing",
    "SpecModel",
    "Status",
    "Template",
    "Timestamp",
    "TraceSpan",
    "Value",
    "ValueType",
    "Values",
    "Variety",
    "invalid",
    "template_of",
    "to_text",
]
