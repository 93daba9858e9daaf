"""A bag with generated attributes on top of the request's own."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.mixer.expr import AttributeSource, Value


class Overlay:
    """The request's attributes first, generated ones where it has none.

    Only look-ups that reach the request are tracked; what is generated follows from tracked attributes already.
    `is_partial` tells that a generator could not answer and its attributes are missing.
    """

    __slots__ = ("_base", "_values", "is_partial")

    def __init__(self, base: AttributeSource, values: Mapping[str, Value] | None = None) -> None:
        self._base = base
        self._values: dict[str, Value] = dict(values or {})
        self.is_partial = False

    @property
    def values(self) -> Mapping[str, Value]:
        """What is laid over the request."""
        return self._values

    def get(self, name: str) -> Value | None:
        value = self._values.get(name)
        return self._base.get(name) if value is None else value

    def get_key(self, name: str, key: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return self._base.get_key(name, key)
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} is not a string map")
        return value.get(key)

    def has(self, name: str) -> bool:
        return name in self._values or self._base.has(name)

    def add(self, values: Mapping[str, Value]) -> None:
        """Adds what is not there yet: neither the request's nor an earlier generator's value is ever replaced."""
        for name, value in values.items():
            if name not in self._values and not self._base.has(name):
                self._values[name] = value
