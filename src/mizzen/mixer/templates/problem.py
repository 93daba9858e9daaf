"""One fault found in parameters, without a file or a line: the snapshot builder knows those and adds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mizzen.config.errors import NO_VALUE

FieldPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the field at `path` (keys and indices as the user wrote them, relative to the parameters).

    `reason` reads after the value ("is not a CIDR"); without a value (`NO_VALUE`) it stands alone. `accepted` says
    what would have been right and may be empty.
    """

    path: FieldPath
    value: object
    reason: str
    accepted: str = ""

    def __str__(self) -> str:
        place = ".".join(str(step) for step in self.path)
        statement = self.reason if self.value is NO_VALUE else f"{self.value!r} {self.reason}"
        text = f"{place}: {statement}" if place else statement
        return f"{text}; accepted: {self.accepted}" if self.accepted else text
