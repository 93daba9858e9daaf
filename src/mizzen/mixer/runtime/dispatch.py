"""Check and Report against the snapshot in force.

The front calls both. A call that meets no handler that waits runs to its end at once, on the thread of the front. One
that does is left until the answers are there and goes on on a thread of the dispatcher, so a slow adapter keeps no
thread but its own. The handlers of a Check that wait do so at the same time; their answers combine in the order of the
routes. A refusal is an answer; `CallError` ends the call with a gRPC status, and then the client's own retry and fail
policy decide.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.adapters import CheckResult, Code
from mizzen.mixer.calling import HandlerError, QuarantinedError, Run, Threads, Waits, drive, failed, resolve
from mizzen.mixer.expr import AttributeSource
from mizzen.mixer.runtime.collect import Delivery, collect
from mizzen.mixer.runtime.combine import Combination, Decision
from mizzen.mixer.runtime.decisions import Decisions, DecisionSettings
from mizzen.mixer.runtime.directive import direct_directive, header_directive
from mizzen.mixer.runtime.failure import CallError
from mizzen.mixer.runtime.identity import identity_namespace
from mizzen.mixer.runtime.metrics import RuntimeMetrics
from mizzen.mixer.runtime.overlay import Overlay
from mizzen.mixer.runtime.policy import PARTLY_KNOWN, check_instead
from mizzen.mixer.runtime.preprocess import GenerationError, generate
from mizzen.mixer.runtime.quota import Asked, grant
from mizzen.mixer.runtime.refusal import Begun, Origin, keep, telling
from mizzen.mixer.runtime.routing import NamespaceRoutes, Route, Step
from mizzen.mixer.runtime.snapshot import Snapshot
from mizzen.mixer.runtime.watch import Watch
from mizzen.mixer.templates import InstanceError
from mizzen.wire import CheckCall, QuotaResult, ReportCall, RouteDirective

_THREADS = 4

Lens: TypeAlias = Callable[[str, NamespaceRoutes], NamespaceRoutes]
"""Gives the routes of a namespace in another form; they must lead to the same answers."""
_Decided: TypeAlias = tuple[Decision, RouteDirective | None, list[Route], Begun]


class Dispatcher:
    """Answers calls; the snapshot can be exchanged at any time and from any thread."""

    def __init__(
        self,
        snapshot: Snapshot,
        metrics: RuntimeMetrics,
        watch: Watch | None = None,
        run: Run | None = None,
        decisions: Decisions | None = None,
    ) -> None:
        """`run` runs what follows a wait; by default on threads of the dispatcher. `decisions` keeps refusals."""
        self._snapshot = snapshot
        self._metrics = metrics
        self._watch = watch or Watch(metrics)
        self._run = run or Threads(_THREADS, "calls").submit
        self.decisions = decisions or Decisions(DecisionSettings(), metrics)

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def exchange(self, snapshot: Snapshot) -> None:
        """Puts `snapshot` in force for calls that begin from now on; running calls finish with theirs."""
        self._snapshot = snapshot

    def check(self, call: CheckCall) -> Future[None] | None:
        """Decides on `call` and replies to it: None when that is done, or the future of the end.

        Raises `CallError` (INTERNAL), or puts it into the future, when no decision can be made.
        """
        return drive(self._accounted("Check", lambda snapshot: self._check(snapshot, call), call), self._run)

    def explain(self, call: CheckCall, seen_through: Lens) -> Future[None] | None:
        """As `check`, with the routes as `seen_through` gives them, which may write down what is done with them."""
        steps = self._accounted("Check", lambda snapshot: self._check(snapshot, call, seen_through), call)
        return drive(steps, self._run)

    def report(self, call: ReportCall) -> Future[None] | None:
        """Takes every bag of `call`: each handler gets all instances of a template in one call, at the end.

        None or a future as in `check`. The failure is a `CallError` (UNKNOWN) with every failure, after the good part
        has been delivered.
        """
        return drive(self._accounted("Report", lambda snapshot: self._report(snapshot, call)), self._run)

    def _check(self, snapshot: Snapshot, call: CheckCall, seen_through: Lens | None = None) -> Waits[None]:
        namespace = identity_namespace(call)
        routes = snapshot.routes.of(namespace)
        if seen_through is not None:
            routes = seen_through(namespace, routes)
        bag: AttributeSource = call
        if len(routes.generate):
            bag = yield from self._prepare(routes, call)
        asked = call.quotas
        prepared = call.mark() if asked else None
        decision, directive, matched, begun = yield from self._decide(routes, bag)
        quotas: dict[str, QuotaResult] | None = None
        nothing: list[str] = []
        referenced = call.mark() if prepared is not None else None
        if prepared is not None and decision.is_ok:
            quotas = {}
            for name, wanted in asked.items():
                call.rewind(prepared)
                one = Asked(name, wanted.amount, wanted.best_effort, call.deduplication_id)
                granted = yield from grant(one, routes, bag, self._watch)
                if granted.amount <= 0 < wanted.amount:
                    nothing.append(name)
                quotas[name] = QuotaResult(
                    granted.amount,
                    valid_for=granted.valid_for,
                    code=granted.status.code,
                    message=granted.status.message,
                    referenced=call.mark(),
                )
        if (nothing or not decision.is_ok) and self.decisions.is_on:
            origin = Origin(snapshot.number, namespace)
            keep(call, decision, nothing, matched, begun, origin, self.decisions, self._watch)
            if not decision.is_ok:
                directive = telling(directive, decision, self.decisions.settings.header, call.decision_id)
        call.reply(
            decision.code,
            decision.message,
            valid_for=decision.valid_for,
            uses=decision.uses,
            directive=directive,
            quotas=quotas,
            referenced=referenced,
        )
        self._metrics.check_answered(decision.code)

    def _report(self, snapshot: Snapshot, call: ReportCall) -> Waits[None]:
        self._metrics.report_bags.inc(len(call))
        collected = yield from collect(snapshot.routes, call, self._watch)
        failures = collected.failures()
        for index, text in call.errors:
            self._metrics.bag_failures.inc()
            failures.append(f"bag {index}: {text}")
        for delivery in collected.deliver():
            try:
                yield from resolve(delivery.answer)
            except HandlerError as error:
                self._not_taken(delivery, error, failures)
        if failures:
            raise CallError(Code.UNKNOWN, ", ".join(dict.fromkeys(failures)))

    def _prepare(self, routes: NamespaceRoutes, bag: AttributeSource) -> Waits[AttributeSource]:
        try:
            return (yield from generate(routes, bag, self._watch))
        except GenerationError as error:
            raise CallError(Code.INTERNAL, f"preprocessing attributes failed: {error}") from error

    def _decide(self, routes: NamespaceRoutes, bag: AttributeSource) -> Waits[_Decided]:
        matched = routes.check.matching(bag, self._watch.condition_failed)
        combination, failures, failed_by = Combination(), [], []
        if isinstance(bag, Overlay) and bag.is_partial:
            combination.add("", PARTLY_KNOWN)
        begun: list[tuple[Step, CheckResult | Future[CheckResult]]] = []
        for route in matched:
            for step in route.steps:
                try:
                    instance = step.instance.builder.build(bag)
                except InstanceError as error:
                    self._watch.instance_failed("check", error)
                    failures.append(str(error))
                    failed_by.append(step.instance.key)
                    continue
                try:
                    begun.append((step, step.handler.check(instance)))
                except HandlerError as error:
                    begun.append((step, failed(error)))
        for step, answer in begun:
            try:
                if isinstance(answer, Future):
                    waited: Waits[CheckResult] = resolve(answer)
                    answer = yield from waited
                combination.add(step.handler.name, answer, step.action)
            except HandlerError as error:
                instead = check_instead(step.policy)
                if instead is None:
                    failures.append(str(error))
                    failed_by.append(step.handler.name)
                else:
                    self._watch.passed_over(step.handler.name, step.policy, error)
                    combination.add(step.handler.name, instead)
        if failures:
            raise CallError(Code.INTERNAL, f"performing check operation failed: {', '.join(failures)}", failed_by)
        decision = combination.decision()
        return decision, self._directive(decision, matched, combination, bag), matched, begun

    def _directive(
        self, decision: Decision, matched: list[Route], combination: Combination, bag: AttributeSource
    ) -> RouteDirective | None:
        if not decision.is_ok:
            answer = decision.direct_response
            return direct_directive(decision.code, answer) if answer is not None else None
        view = Overlay(bag, combination.outputs) if combination.outputs else bag
        return header_directive(matched, view, self._watch.header_failed)

    def _not_taken(self, delivery: Delivery, error: HandlerError, failures: list[str]) -> None:
        """Counts a report that a handler did not take. The client is told unless the rule fails open or the handler is
        in quarantine: sending the report again would only give the others their part twice."""
        handler, policy, count, _ = delivery
        if isinstance(error, QuarantinedError):
            self._watch.report_dropped(handler.name, count, "quarantined")
        elif policy is FailurePolicy.FAIL_OPEN:
            self._watch.report_dropped(handler.name, count, "failed")
            self._watch.passed_over(handler.name, policy, error)
        else:
            self._watch.report_dropped(handler.name, count, "failed")
            failures.append(str(error))

    def _accounted(
        self, method: str, steps: Callable[[Snapshot], Waits[None]], check: CheckCall | None = None
    ) -> Waits[None]:
        """The steps with the snapshot in force, which is kept alive for them; counts the call's failure, and gives that
        of `check` a decision id."""
        snapshot = self._acquire()
        try:
            yield from steps(snapshot)
        except CallError as error:
            if check is not None:
                namespace = identity_namespace(check)
                check.decision_id = self.decisions.failed(
                    error.code, error.message, error.failed_by, snapshot.number, namespace
                )
            identity = check.decision_id if check is not None else None
            self._watch.call_failed(method, error.code.name, error.message, identity)
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
