"""Adapters: the code behind rules, and the kit to write more of it.

Words: an *adapter* is a class; a *handler* is an object of it with parameters; an *instance* is what it gets. The files
`base`, `results` and `environment` are the kit; each other file or folder is one adapter.
"""

from mizzen.mixer.adapters.base import Adapter, Answer, NoParams
from mizzen.mixer.adapters.environment import Environment, Scheduler, Task
from mizzen.mixer.adapters.groups import InstanceGroup
from mizzen.mixer.adapters.registry import ADAPTERS
from mizzen.mixer.adapters.results import (
    OK,
    AdapterError,
    CheckResult,
    Code,
    DirectResponse,
    PartialReportError,
    QuotaArguments,
    QuotaResult,
    Status,
)

__all__ = [
    "ADAPTERS",
    "OK",
    "Adapter",
    "AdapterError",
    "Answer",
    "CheckResult",
    "Code",
    "DirectResponse",
    "Environment",
    "InstanceGroup",
    "NoParams",
    "PartialReportError",
    "QuotaArguments",
    "QuotaResult",
    "Scheduler",
    "Status",
    "Task",
]
