"""Templates: the schemas of adapter input, and the builders that fill them from attributes.

Words: a *template* says which fields an instance has; its *variety* says when it is used; a configured *instance* gives
an expression for each field; a *builder* evaluates those on a bag and makes the run-time *instance* an adapter gets.
"""

from mizzen.mixer.templates.builder import InstanceBuilder, InstanceCompileError, InstanceError, InstanceTypes, Leaf
from mizzen.mixer.templates.catalog import TEMPLATES
from mizzen.mixer.templates.instances import (
    Action,
    ApiKey,
    Authorization,
    CheckNothing,
    Edge,
    Instance,
    Kubernetes,
    ListEntry,
    LogEntry,
    Metric,
    Quota,
    ReportNothing,
    Subject,
    TraceSpan,
    Values,
)
from mizzen.mixer.templates.problem import FieldPath, Problem
from mizzen.mixer.templates.template import Dynamic, FieldType, Message, Template, Variety

__all__ = [
    "TEMPLATES",
    "Action",
    "ApiKey",
    "Authorization",
    "CheckNothing",
    "Dynamic",
    "Edge",
    "FieldPath",
    "FieldType",
    "Instance",
    "InstanceBuilder",
    "InstanceCompileError",
    "InstanceError",
    "InstanceTypes",
    "Kubernetes",
    "Leaf",
    "ListEntry",
    "LogEntry",
    "Message",
    "Metric",
    "Problem",
    "Quota",
    "ReportNothing",
    "Subject",
    "Template",
    "TraceSpan",
    "Values",
    "Variety",
]
