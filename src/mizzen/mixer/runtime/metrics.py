"""The Mixer's metrics about itself, in one place. Names follow Istio's `mixer_…` with the project's prefix.

Every fallback of the runtime has a counter here; docs/mixer.md lists them with their meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric
from prometheus_client.registry import Collector

from mizzen.mixer.adapters import Code
from mizzen.mixer.adapters.prometheus.family import Definition, Family, Series
from mizzen.mixer.adapters.prometheus.params import Kind

_DISPATCH_BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
_DISPATCH_LABELS = ("mesh_function", "handler", "adapter", "error")


class RuntimeMetrics:
    """Counters and gauges of one Mixer, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._dispatched: dict[tuple[str, str, str, bool], tuple[Series, Series]] = {}
        self._answers: dict[int, Counter] = {}
        self._configuration()
        self._handlers()
        self._extensions()
        self._calls()

    def dispatched(self, template: str, handler: str, adapter: str, failed: bool, seconds: float) -> None:
        """Counts one call of an adapter."""
        place = (template, handler, adapter, failed)
        series = self._dispatched.get(place)
        if series is None:
            series = self._dispatched[place] = self._new_dispatched(*place)
        count, duration = series
        with self.dispatches.lock:  # of both
            count.take(1.0, 1)
            duration.take(seconds, 1)

    def check_answered(self, code: int) -> None:
        """Counts one answer by the code of its status."""
        counter = self._answers.get(code)
        if counter is None:
            name = Code(code).name if code in Code._value2member_map_ else str(code)
            counter = self._answers[code] = self.checks.labels(name)
        counter.inc()

    def _new_dispatched(self, template: str, handler: str, adapter: str, failed: bool) -> tuple[Series, Series]:
        labels = (template, handler, adapter, "true" if failed else "false")
        with self.dispatches.lock:
            return self.dispatches.series(labels), self.dispatch_duration.series(labels)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"mizzen_mixer_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"mizzen_mixer_{name}", text, labels, registry=self.registry)

    def _configuration(self) -> None:
        self.attributes = self._gauge("config_attributes", "Attributes of the snapshot's vocabulary.")
        self.handler_configs = self._gauge("config_handler_configs", "Handlers that compiled.")
        self.instance_configs = self._gauge("config_instance_configs", "Instances that compiled.")
        self.rule_configs = self._gauge("config_rule_configs", "Rules that are in force.")
        self.config_errors = self._gauge("config_errors", "Faults of the configuration as it is written now.")
        self.resources_kept = self._gauge(
            "config_resources_kept", "Resources whose newest version is faulty and whose last good one is in force."
        )
        self.resources_left_out = self._gauge(
            "config_resources_left_out", "Faulty resources without a last good version; rules may be in force in part."
        )
        self.snapshot_id = self._gauge("config_snapshot_id", "Number of the snapshot in force, from 0.")
        self.reloads = self._counter("config_reloads", "Snapshots built, by whether any fault was found.", "faulty")
        self.reload_failures = self._counter(
            "config_reload_failures", "Changes that could not be applied at all; the snapshot before stays in force."
        )
        self.destinations = self._gauge(
            "dispatcher_destinations_per_variety", "Instance and handler pairs of the routes.", "variety"
        )

    def _handlers(self) -> None:
        self.handlers_new = self._gauge("handler_new_handlers", "Handlers built for the snapshot in force.")
        self.handlers_reused = self._gauge("handler_reused_handlers", "Handlers taken over from the one before.")
        self.handlers_kept = self._gauge(
            "handler_kept_handlers", "Last good handlers in force because their successor could not be built."
        )
        self.handlers_closed = self._counter("handler_closed_handlers", "Handlers closed.")
        self.handler_build_failures = self._counter("handler_build_failures", "Handlers that could not be built.")
        self.handler_close_failures = self._counter("handler_close_failures", "Handlers that failed while closing.")

        self.handler_failures = self._counter(
            "handler_failures",
            "Calls that failed: error, partial, timeout, slow, busy or quarantined.",
            "handler",
            "reason",
        )
        self.handler_quarantined = self._gauge(
            "handler_quarantined", "1 while the handler is in quarantine.", "handler"
        )
        self.handler_quarantines = self._counter(
            "handler_quarantines", "Quarantines begun or renewed after a probe that failed.", "handler"
        )
        self.reports_dropped = self._counter(
            "report_instances_dropped", "Instances of Reports that a handler did not take.", "handler", "reason"
        )
        self.failures_passed_over = self._counter(
            "failures_passed_over", "Failed calls of handlers that a rule's failurePolicy answered.", "policy"
        )

    def _extensions(self) -> None:
        self.extensions_loaded = self._gauge("extension_adapters", "Adapters in force that are not built in.")
        self.extension_errors = self._gauge(
            "extension_errors", "Faults of adapters and templates that are not built in."
        )
        self.extensions_kept = self._gauge(
            "extension_modules_kept",
            "Modules whose newest version is faulty and whose last good one is in force.",
        )
        self.extension_load_failures = self._counter("extension_load_failures", "Modules that could not be loaded.")
        self.extension_reloads = self._counter("extension_reloads", "Changes of adapters that were put in force.")

    def _calls(self) -> None:
        self.dispatches = Family(
            Definition("mizzen_mixer_runtime_dispatches_total", Kind.COUNTER, "Calls of adapters.", _DISPATCH_LABELS)
        )
        self.dispatch_duration = Family(
            Definition(
                "mizzen_mixer_runtime_dispatch_duration_seconds",
                Kind.DISTRIBUTION,
                "Duration of calls of adapters.",
                _DISPATCH_LABELS,
                _DISPATCH_BOUNDS,
            )
        )
        self.dispatch_duration.lock = self.dispatches.lock
        self.registry.register(_Families((self.dispatches, self.dispatch_duration)))
        self.decisions_kept = self._gauge("decisions_kept", "Refusals that can be looked up by their id.")
        self.decisions_evicted = self._counter("decisions_evicted", "Refusals that made room for newer ones.")
        self.checks = self._counter("checks", "Check calls answered, by status code of the precondition.", "code")
        self.call_failures = self._counter("call_failures", "Calls that ended with a gRPC error.", "method", "code")
        self.report_bags = self._counter("report_bags", "Bags of attributes received in Reports.")
        self.condition_failures = self._counter(
            "condition_failures", "Conditions that could not be evaluated, so that the rule did not apply."
        )
        self.instance_failures = self._counter(
            "instance_failures", "Instances that could not be built from the attributes.", "variety"
        )
        self.header_failures = self._counter(
            "header_operation_failures", "Header values that could not be evaluated, so that the header is left alone."
        )
        self.bag_failures = self._counter("report_bag_failures", "Bags of Reports that could not be used.")
        self.quotas_unknown = self._counter(
            "quota_unknown", "Quotas granted in full because no rule of the namespace has one of that name."
        )
        self.quotas_unmatched = self._counter(
            "quota_unmatched", "Quotas granted in full because no rule with that quota applied."
        )
        self.quota_failures = self._counter("quota_failures", "Quotas refused because an adapter or instance failed.")


class _Families(Collector):
    """Shows families whose updates are cheap enough for every call of an adapter."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            yield family.collect()
