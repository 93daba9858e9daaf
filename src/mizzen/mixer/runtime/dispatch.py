"""Check and Report against the snapshot in force.

Both are plain functions that the front calls; adapters run one after the other, in the order of the routes, on the
thread of the call. A refusal is an answer; `CallError` ends the call with a gRPC status, and then the client's own
retry and fail policy decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mizzen.mixer.adapters import Code
from mizzen.mixer.expr import AttributeSource
from mizzen.mixer.runtime.combine import Combination, Decision
from mizzen.mixer.runtime.directive import direct_directive, header_directive
from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.identity import identity_namespace
from mizzen.mixer.runtime.live import HandlerError, LiveHandler
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.overlay import Overlay
from mizzen.mixer.runtime.preprocess import GenerationError, generate
from mizzen.mixer.runtime.quota import Asked, grant
from mizzen.mixer.runtime.routing import NamespaceRoutes, Route
from mizzen.mixer.runtime.snapshot import Snapshot
from mizzen.mixer.runtime.watch import Watch
from mizzen.mixer.templates import Instance, InstanceError
from mizzen.wire import CheckCall, QuotaResult, ReportCall, RouteDirective


class Dispatcher:
    """Answers calls; the snapshot can be exchanged at any time and from any thread."""

    def __init__(self, snapshot: Snapshot, metrics: RuntimeMetrics, watch: Watch | None = None) -> None:
        self._snapshot = snapshot
        self._metrics = metrics
        self._watch = watch or Watch(metrics)

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def exchange(self, snapshot: Snapshot) -> None:
        """Puts `snapshot` in force for calls that begin from now on; running calls finish with theirs."""
        self._snapshot = snapshot

    def check(self, call: CheckCall) -> None:
        """Decides on `call` and replies to it. Raises `CallError` (INTERNAL) when no decision can be made."""
        with self._accounted("Check") as snapshot:
            routes = snapshot.routes.of(identity_namespace(call))
            bag = self._prepare(routes, call)
            prepared = call.mark()
            decision, directive = self._decide(routes, bag)
            referenced = call.mark()
            quotas = {}
            if decision.is_ok:
                for name, wanted in call.quotas.items():
                    call.rewind(prepared)
                    asked = Asked(name, wanted.amount, wanted.best_effort, call.deduplication_id)
                    granted = grant(asked, routes, bag, self._watch)
                    quotas[name] = QuotaResult(
                        granted.amount,
                        valid_for=granted.valid_for,
                        code=granted.status.code,
                        message=granted.status.message,
                        referenced=call.mark(),
                    )
            call.reply(
                decision.code,
                decision.message,
                valid_for=decision.valid_for,
                uses=decision.uses,
                directive=directive,
                quotas=quotas,
                referenced=referenced,
            )
            self._metrics.checks.labels(_code_name(decision.code)).inc()

    def report(self, call: ReportCall) -> None:
        """Takes every bag of `call`: each handler gets all instances of a template in one call, at the end.

        Raises `CallError` (UNKNOWN) with every failure after the good part has been delivered.
        """
        with self._accounted("Report") as snapshot:
            self._metrics.report_bags.inc(len(call))
            failures: list[str] = []
            collected: dict[tuple[LiveHandler, str], list[Instance]] = {}
            for bag in call.bags():
                self._collect(snapshot, bag, collected, failures)
            for index, text in call.errors:
                self._metrics.bag_failures.inc()
                failures.append(f"bag {index}: {text}")
            for (handler, _), instances in collected.items():
                try:
                    handler.report(instances)
                except HandlerError as error:
                    failures.append(str(error))
            if failures:
                raise CallError(Code.UNKNOWN, ", ".join(dict.fromkeys(failures)))

    def _prepare(self, routes: NamespaceRoutes, bag: AttributeSource) -> AttributeSource:
        try:
            return generate(routes, bag, self._watch.condition_failed)
        except GenerationError as error:
            raise CallError(Code.INTERNAL, f"preprocessing attributes failed: {error}") from error

    def _decide(self, routes: NamespaceRoutes, bag: AttributeSource) -> tuple[Decision, RouteDirective | None]:
        matched = routes.check.matching(bag, self._watch.condition_failed)
        combination, failures = Combination(), []
        for route in matched:
            for step in route.steps:
                try:
                    result = step.handler.check(step.instance.builder.build(bag))
                    combination.add(step.handler.name, result, step.action)
                except InstanceError as error:
                    self._watch.instance_failed("check", error)
                    failures.append(str(error))
                except HandlerError as error:
                    failures.append(str(error))
        if failures:
            raise CallError(Code.INTERNAL, f"performing check operation failed: {', '.join(failures)}")
        decision = combination.decision()
        return decision, self._directive(decision, matched, combination, bag)

    def _directive(
        self, decision: Decision, matched: list[Route], combination: Combination, bag: AttributeSource
    ) -> RouteDirective | None:
        if not decision.is_ok:
            answer = decision.direct_response
            return direct_directive(decision.code, answer) if answer is not None else None
        view = Overlay(bag, combination.outputs) if combination.outputs else bag
        return header_directive(matched, view, self._watch.header_failed)

    def _collect(
        self,
        snapshot: Snapshot,
        bag: AttributeSource,
        collected: dict[tuple[LiveHandler, str], list[Instance]],
        failures: list[str],
    ) -> None:
        """Adds the instances of one bag; what cannot be built is a failure and the rest goes on."""
        routes = snapshot.routes.of(identity_namespace(bag))
        try:
            view = generate(routes, bag, self._watch.condition_failed)
        except GenerationError as error:
            self._metrics.bag_failures.inc()
            failures.append(f"preprocessing attributes failed: {error}")
            return
        for route in routes.report.matching(view, self._watch.condition_failed):
            for step in route.steps:
                try:
                    instance = step.instance.builder.build(view)
                except InstanceError as error:
                    self._watch.instance_failed("report", error)
                    failures.append(str(error))
                    continue
                collected.setdefault((step.handler, instance.template), []).append(instance)

    @contextmanager
    def _accounted(self, method: str) -> Iterator[Snapshot]:
        """The snapshot in force, kept alive for one call; counts the call's failure."""
        snapshot = self._acquire()
        try:
            yield snapshot
        except CallError as error:
            self._watch.call_failed(method, error.code.name, error.message)
            raise
        finally:
            snapshot.users.leave()

    def _acquire(self) -> Snapshot:
        while True:
            snapshot = self._snapshot
            snapshot.users.enter()
            if snapshot is self._snapshot:  # else it was exchanged in between and its handlers may be closed
                return snapshot
            snapshot.users.leave()


def _code_name(code: int) -> str:
    return Code(code).name if code in Code._value2member_map_ else str(code)
