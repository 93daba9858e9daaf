"""Parts of routes that behave as the ones they stand for and write down what is done with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

from mizzen.mixer.adapters import CheckResult, QuotaArguments, QuotaResult
from mizzen.mixer.expr import AttributeSource, EvaluationError, Expression, Value
from mizzen.mixer.runtime.live import HandlerError, LiveHandler
from mizzen.mixer.templates import Instance, InstanceBuilder, InstanceError

Answer = CheckResult | QuotaResult | Mapping[str, Value]
Result = TypeVar("Result", CheckResult, QuotaResult, Mapping[str, Value])


@dataclass
class Leaf:
    """One field of an instance: its expression, and its value or why it has none."""

    field: str
    expression: str
    value: Value | None = None
    error: str = ""


@dataclass
class Call:
    """One step: how the instance was built, and what the handler answered. `arguments` are those of a quota."""

    rule: str
    use: str
    handler: LiveHandler
    instance: str
    template: str
    fields: list[Leaf] = field(default_factory=list)
    arguments: QuotaArguments | None = None
    answer: Answer | Future[Answer] | None = None
    error: str = ""
    seconds: float | None = None


class SeenAttributes:
    """An attribute source that keeps what was found in another one, by the names that expressions use."""

    def __init__(self, bag: AttributeSource) -> None:
        self._bag = bag
        self.values: dict[tuple[str, str | None], Value | None] = {}

    def get(self, name: str, /) -> Value | None:
        value = self._bag.get(name)
        self.values[name, None] = value
        return value

    def get_key(self, name: str, key: str, /) -> str | None:
        value = self._bag.get_key(name, key)
        self.values[name, key] = value
        return value

    def has(self, name: str, /) -> bool:
        return self._bag.has(name)


class RecordedBuilder(InstanceBuilder):
    """Builds as `builder` does; then evaluates each field by itself, which leaves no trace in the call's references."""

    __slots__ = ("_aside", "_builder", "_call")

    def __init__(self, builder: InstanceBuilder, call: Call, aside: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(builder.name, builder.template, builder.leaves, (), builder.types)
        self._builder = builder
        self._call = call
        self._aside = aside

    def build(self, bag: AttributeSource) -> Instance:
        try:
            return self._builder.build(bag)
        except InstanceError as error:
            self._call.error = str(error)
            raise
        finally:
            self._aside(lambda: self._look(bag))

    def _look(self, bag: AttributeSource) -> None:
        self._call.fields = [evaluated(leaf.path, leaf.expression, bag) for leaf in self.leaves]


class RecordedHandler(LiveHandler):
    """Calls as `handler` does and keeps the answer, its time and its failure."""

    def __init__(self, handler: LiveHandler, call: Call) -> None:
        self.spec = handler.spec
        self.name = handler.name
        self.adapter = handler.adapter
        self._caller = handler._caller
        self._call = call

    def check(self, instance: Instance) -> CheckResult | Future[CheckResult]:
        return self._keep(lambda: super(RecordedHandler, self).check(instance))

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult | Future[QuotaResult]:
        self._call.arguments = arguments
        return self._keep(lambda: super(RecordedHandler, self).quota(instance, arguments))

    def generate(self, instance: Instance) -> Mapping[str, Value] | Future[Mapping[str, Value]]:
        return self._keep(lambda: super(RecordedHandler, self).generate(instance))

    def _keep(self, ask: Callable[[], Result | Future[Result]]) -> Result | Future[Result]:
        start = time.perf_counter()

        def end() -> None:
            self._call.seconds = time.perf_counter() - start

        try:
            answer = ask()
        except HandlerError as error:
            self._call.error = str(error)
            end()
            raise
        self._call.answer = answer  # type: ignore[assignment]
        if isinstance(answer, Future):
            answer.add_done_callback(lambda _: end())
        else:
            end()
        return answer


def evaluated(place: str, expression: Expression, bag: AttributeSource) -> Leaf:
    """The value of an expression, or why it has none."""
    try:
        return Leaf(place, expression.text, expression.evaluate(bag))
    except EvaluationError as error:
        return Leaf(place, expression.text, error=str(error))
