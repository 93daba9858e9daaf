"""A bag of attributes in plain Python that records references, for tools and tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .values import Value


class Reference(NamedTuple):
    """One question an evaluation asked: an attribute or a key of a map, and whether it was there."""

    name: str
    key: str | None
    present: bool

    def __str__(self) -> str:
        key = "" if self.key is None else f"[{self.key}]"
        return f"{self.name}{key} {'EXACT' if self.present else 'ABSENCE'}"


class RecordedAttributes:
    """An AttributeSource over a mapping that records references as a Check call does: once each, in order of first use.

    A map that is read as a whole is recorded by its name: an answer that depends on it cannot be kept by clients.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values
        self.marks: dict[tuple[str, str | None], bool] = {}

    def get(self, name: str, /) -> Value | None:
        value = self.values.get(name)
        self.marks[name, None] = value is not None
        return value

    def get_key(self, name: str, key: str, /) -> str | None:
        found = self.values.get(name)
        if found is None:
            self.marks[name, None] = False
            return None
        if not isinstance(found, Mapping):
            self.marks[name, None] = True
            raise TypeError(f"attribute {name} is not a string map")
        value = found.get(key)
        self.marks[name, key] = value is not None
        return value

    def has(self, name: str, /) -> bool:
        value = self.values.get(name)
        if not isinstance(value, Mapping):
            self.marks[name, None] = value is not None
        return value is not None

    def references(self) -> list[Reference]:
        return [Reference(name, key, present) for (name, key), present in self.marks.items()]
