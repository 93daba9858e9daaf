"""Attribute generation: runs before Check and before each bag of a Report, and lays its results over the request."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from mizzen.config.kinds import FailurePolicy
from mizzen.mixer.calling import HandlerError, Waits, failed, resolve
from mizzen.mixer.expr import AttributeSource, EvaluationError, Value
from mizzen.mixer.runtime.index import OnFailure
from mizzen.mixer.runtime.overlay import Overlay
from mizzen.mixer.runtime.routing import NamespaceRoutes, Step
from mizzen.mixer.runtime.vocabulary import output_prefix
from mizzen.mixer.runtime.watch import Watch
from mizzen.mixer.templates import InstanceError


class GenerationError(Exception):
    """A generator or one of its bindings failed; the bag cannot be used."""


def generate(routes: NamespaceRoutes, bag: AttributeSource, watch: Watch, records: int = 1) -> Waits[AttributeSource]:
    """`bag`, or a view of it with generated attributes. Raises `GenerationError` with the text of every failure.

    Every generator sees the request alone, so their order matters only where two write the same attribute: the first
    one counts. A rule that fails open has no attributes where its generator cannot answer. `records` is the number of
    those that `bag` stands for.
    """
    if not len(routes.generate):
        return bag
    view = Overlay(bag)
    failures: list[str] = []
    begun: list[tuple[Step, Mapping[str, Value] | Future[Mapping[str, Value]]]] = []
    for route in routes.generate.matching(bag, repeated(watch, records)):
        for step in route.steps:
            try:
                begun.append((step, step.handler.generate(step.instance.builder.build(bag))))
            except HandlerError as error:
                begun.append((step, failed(error)))
            except InstanceError as error:
                failures.append(str(error))
    for step, answer in begun:
        try:
            view.add(_bound(step, bag, (yield from resolve(answer))))
        except HandlerError as error:
            if step.policy is FailurePolicy.FAIL_OPEN:
                watch.passed_over(step.handler.name, step.policy, error, records)
                view.is_partial = True
            else:
                failures.append(str(error))
        except EvaluationError as error:
            failures.append(str(error))
    if failures:
        raise GenerationError(", ".join(failures))
    return view


def repeated(watch: Watch, records: int) -> OnFailure:
    """Tells of conditions that failed for each of so many records."""

    def failed(rule: str, error: Exception, rules: int) -> None:
        watch.condition_failed(rule, error, rules * records)

    return failed


def _bound(step: Step, bag: AttributeSource, outputs: Mapping[str, Value]) -> dict[str, Value]:
    """The bound attributes of one generator instance, all or none."""
    config = step.instance
    prefix = output_prefix(config.template)
    view = Overlay(_Outputs(bag, prefix), {prefix + name: value for name, value in outputs.items()})
    return {name: expression.evaluate(view) for name, expression in config.bindings.items()}


class _Outputs:
    """The request as bindings see it: an output that is not set is absent, and the request is not asked for it."""

    __slots__ = ("_bag", "_prefix")

    def __init__(self, bag: AttributeSource, prefix: str) -> None:
        self._bag = bag
        self._prefix = prefix

    def get(self, name: str) -> Value | None:
        return None if name.startswith(self._prefix) else self._bag.get(name)

    def get_key(self, name: str, key: str) -> str | None:
        return None if name.startswith(self._prefix) else self._bag.get_key(name, key)

    def has(self, name: str) -> bool:
        return not name.startswith(self._prefix) and self._bag.has(name)
