"""The way from an instance to its series, with everything prepared that does not depend on the request."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Mapping, Sequence

from mizzen.mixer.adapters.prometheus.definitions import label_mismatch, sanitise
from mizzen.mixer.adapters.prometheus.exemplars import ExemplarMaker
from mizzen.mixer.adapters.prometheus.family import Family, Series
from mizzen.mixer.adapters.prometheus.params import Kind
from mizzen.mixer.adapters.texts import stringify, to_number
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Metric

_Key = Callable[[Mapping[str, Value | None]], Hashable]


class Route:
    """Updates one family with the instances of one name.

    The series of each combination of dimension values is remembered under the values as they come, so that an update
    needs no text form of them; those that only fill an exemplar are not part of it. This relies on a dimension having
    one type, that of its expression.
    """

    __slots__ = ("_cache", "_exemplars", "_family", "_generation", "_key", "_kind", "_names")

    def __init__(self, family: Family, exemplars: ExemplarMaker | None = None) -> None:
        self._family = family
        self._exemplars = exemplars
        self._kind = family.definition.kind
        self._cache: dict[Hashable, Series] = {}
        self._generation = family.generation
        self._names: tuple[str, ...] = ()
        self._key: _Key = _no_key

    @property
    def takes_groups(self) -> bool:
        """Whether the order of updates does not matter: not for the last value.

        A trace that fills an exemplar differs in every record, and would make a group of each for all other metrics.
        """
        return self._exemplars is None and self._kind in (Kind.COUNTER, Kind.DISTRIBUTION)

    def update(self, instance: Metric, now: float, count: int = 1) -> None:
        """Takes `count` equal instances; ValueError says what is wrong with them."""
        value = instance.value
        number = value if isinstance(value, float) or type(value) is int else to_number(value)
        if not 0 <= number < math.inf:
            _check(self._kind, number)
        dimensions, exemplar = instance.dimensions, None
        if self._exemplars is not None:
            dimensions = self._exemplars.labels_of(instance.dimensions)
            exemplar = self._exemplars.exemplar_of(instance.dimensions, number)
        with self._family.lock:
            series = self._series(dimensions)
            series.updated = now
            series.take(number, count)
            if exemplar:
                series.remember(exemplar)

    def update_all(self, instance: Metric, numbers: Sequence[float], now: float) -> list[str]:
        """Takes an instance with each of `numbers` as its value; what is wrong with those that were not taken.

        ValueError when none was because of the dimensions.
        """
        errors: list[str] = []
        if not (min(numbers) >= 0 and sum(numbers) < math.inf):  # the sum is not finite if any of them is not
            numbers = self._acceptable(numbers, errors)
            if not numbers:
                return errors
        dimensions, exemplar = instance.dimensions, None
        if self._exemplars is not None:
            dimensions = self._exemplars.labels_of(instance.dimensions)
            exemplar = self._exemplars.exemplar_of(instance.dimensions, numbers[-1])
        with self._family.lock:
            series = self._series(dimensions)
            series.updated = now
            series.take_all(numbers)
            if exemplar:
                series.remember(exemplar)
        return errors

    def _acceptable(self, numbers: Sequence[float], errors: list[str]) -> list[float]:
        taken: list[float] = []
        for number in numbers:
            try:
                if not 0 <= number < math.inf:
                    _check(self._kind, number)
                taken.append(number)
            except ValueError as error:
                errors.append(str(error))
        return taken

    def _series(self, dimensions: Mapping[str, Value | None]) -> Series:
        if self._generation != self._family.generation:
            self._cache.clear()
            self._generation = self._family.generation
        try:
            if len(dimensions) == len(self._names):
                return self._cache[self._key(dimensions)]
        except (KeyError, TypeError):  # new values, other names than last time, or a map among the values
            pass
        return self._find(dimensions)

    def _find(self, dimensions: Mapping[str, Value | None]) -> Series:
        texts = {sanitise(name): stringify(value) for name, value in dimensions.items()}
        definition = self._family.definition
        if len(texts) != len(dimensions) or texts.keys() != set(definition.label_names):
            mismatch = label_mismatch(definition, set(texts)) or "two dimensions with one name"
            raise ValueError(f"the dimensions do not match the labels of {definition.name}: {mismatch}")
        series = self._family.series(tuple(texts[name] for name in definition.label_names))
        if self._names != tuple(dimensions):
            self._names = tuple(dimensions)
            self._key = operator.itemgetter(*self._names) if self._names else _no_key
            self._cache.clear()
        key = self._key(dimensions)
        if not any(isinstance(value, Mapping) for value in dimensions.values()):
            self._cache[key] = series
        return series


def _check(kind: Kind, number: float) -> None:
    """Counters never fall; nothing that is summed may become infinite or NaN."""
    if kind is Kind.COUNTER or (kind is Kind.DISTRIBUTION and not math.isfinite(number)):
        raise ValueError(f"{stringify(number)} cannot be added to a {kind.name}")


def _no_key(dimensions: Mapping[str, Value | None]) -> Hashable:
    return ()
