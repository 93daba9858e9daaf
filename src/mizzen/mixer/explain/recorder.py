"""Routes seen through a recorder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mizzen.mixer.explain.recorded import Call, RecordedBuilder, RecordedHandler, SeenAttributes
from mizzen.mixer.expr import AttributeSource, EvaluationError, Value
from mizzen.mixer.runtime.index import OnFailure, RuleSet
from mizzen.mixer.runtime.routing import NamespaceRoutes, Route, Step
from mizzen.mixer.runtime.sampling import SampledMatch
from mizzen.wire import CheckCall

MOST_OTHER_RULES = 50
"""Rules that did not match are shown up to this number."""


@dataclass
class Considered:
    """One rule in one use, and what became of its condition. `seen` is what the condition looked at."""

    rule: str
    use: str
    match: str
    outcome: str
    error: str = ""
    seen: dict[tuple[str, str | None], Value | None] = field(default_factory=dict)


class Recorder:
    """Writes down one call.

    Conditions and fields are evaluated a second time, for their values; what that looks up does not count among the
    references of the call.
    """

    def __init__(self, call: CheckCall) -> None:
        self.call = call
        self.namespace = ""
        self.rules: list[Considered] = []
        self.rules_left_out = 0
        self.calls: list[Call] = []
        self.bag: AttributeSource = call

    def routes(self, namespace: str, routes: NamespaceRoutes) -> NamespaceRoutes:
        """The routes to dispatch over instead of `routes`."""
        self.namespace = namespace
        return NamespaceRoutes(
            _RecordedRules(routes.check, self, "check"),
            routes.report,
            _RecordedRules(routes.generate, self, "generate"),
            {name: _RecordedRules(rules, self, f"quota {name}") for name, rules in routes.quota.items()},
        )

    def aside(self, look: Callable[[], None]) -> None:
        """Runs `look`; what it looks up leaves no trace."""
        mark = self.call.mark()
        try:
            look()
        finally:
            self.call.rewind(mark)

    def consider(self, use: str, rules: Sequence[Route], matched: Sequence[Route], bag: AttributeSource) -> None:
        """Writes down what became of each rule."""
        self.bag = bag
        hit = {id(route) for route in matched}
        others = 0
        for route in rules:
            if id(route) not in hit:
                others += 1
                if others > MOST_OTHER_RULES:
                    self.rules_left_out += 1
                    continue
            self.rules.append(_considered(use, route, id(route) in hit, bag))

    def recorded(self, use: str, route: Route) -> Route:
        """`route` with steps that write down."""
        return dataclasses.replace(route, steps=tuple(self._step(use, route.key, step) for step in route.steps))

    def _step(self, use: str, rule: str, step: Step) -> Step:
        instance = step.instance
        call = Call(rule, use, step.handler, instance.key, instance.template.name)
        self.calls.append(call)
        builder = RecordedBuilder(instance.builder, call, self.aside)
        recorded = dataclasses.replace(instance, builder=builder)
        return dataclasses.replace(step, handler=RecordedHandler(step.handler, call), instance=recorded)


class _RecordedRules(RuleSet[Route]):
    """Matches as `inner` does."""

    def __init__(self, inner: RuleSet[Route], recorder: Recorder, use: str) -> None:
        self.rules = inner.rules
        self._inner = inner
        self._recorder = recorder
        self._use = use

    def matching(self, bag: AttributeSource, on_failure: OnFailure) -> list[Route]:
        matched = self._inner.matching(bag, on_failure)
        recorder = self._recorder
        recorder.aside(lambda: recorder.consider(self._use, self.rules, matched, bag))
        return [recorder.recorded(self._use, route) for route in matched]


def _considered(use: str, route: Route, matched: bool, bag: AttributeSource) -> Considered:
    if route.match is None:
        return Considered(route.key, use, "", "matched" if matched else "not_sampled")
    seen = SeenAttributes(bag)
    error = ""
    try:
        condition = route.match.holds if isinstance(route.match, SampledMatch) else route.match.evaluate
        holds = condition(seen) is True
    except EvaluationError as failure:
        holds, error = False, str(failure)
    outcome = "matched" if matched else "not_sampled" if holds else "failed" if error else "not_matched"
    return Considered(route.key, use, route.match.text, outcome, error, seen.values)
