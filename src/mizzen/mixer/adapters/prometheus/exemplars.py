"""Exemplars: dimensions that are no labels but point from a metric to a trace that was counted in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client.samples import Exemplar

from mizzen.mixer.adapters.texts import stringify
from mizzen.mixer.expr import Value

LONGEST_RUNES = 128
"""OpenMetrics' limit for the names and values of an exemplar's labels together."""

Dimensions = Mapping[str, Value | None]


class ExemplarMaker:
    """Splits the dimensions of one metric into labels and an exemplar; `now` is the time in nanoseconds since 1970."""

    __slots__ = ("_dimensions", "_labels", "_now")

    def __init__(self, labels: Mapping[str, str], now: Callable[[], int]) -> None:
        """`labels` are dimensions by the exemplar's labels that they fill."""
        self._labels = dict(labels)
        self._dimensions = frozenset(labels.values())
        self._now = now

    def labels_of(self, dimensions: Dimensions) -> Dimensions:
        """The dimensions that are labels of the metric."""
        return {name: value for name, value in dimensions.items() if name not in self._dimensions}

    def exemplar_of(self, dimensions: Dimensions, number: float) -> Exemplar | None:
        """None if all of its labels would be empty (a request without a trace, mostly) or they are too long."""
        texts = {label: stringify(dimensions.get(name)) for label, name in self._labels.items()}
        filled = {label: text for label, text in texts.items() if text}
        if not filled or sum(len(label) + len(text) for label, text in filled.items()) > LONGEST_RUNES:
            return None
        return Exemplar(filled, float(number), self._now() / 1e9)
