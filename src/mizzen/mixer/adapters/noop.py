"""noop: allows everything, grants everything, drops every report. For trying rules out and for benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.results import CheckResult, QuotaArguments, QuotaResult
from mizzen.mixer.templates import Instance

_LONG_S = 1_000_000_000.0
_MANY = 1_000_000_000
_ALLOWED = CheckResult(valid_for=_LONG_S, uses=_MANY)


class NoopAdapter(Adapter):
    """Answers are valid as long and as often as Istio's noop says: 10⁹ seconds, 10⁹ uses."""

    name = "noop"
    templates = frozenset(
        ["authorization", "checknothing", "listentry", "logentry", "metric", "quota", "reportnothing", "tracespan"]
    )

    def check(self, instance: Instance) -> CheckResult:
        return _ALLOWED

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        return QuotaResult(amount=arguments.amount, valid_for=_LONG_S)

    def report(self, instances: Sequence[Instance]) -> None:
        return None
