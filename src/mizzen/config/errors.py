"""The one error of configuration: what is wrong, where, and what would be accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mizzen.config.paths import Path
from mizzen.config.position import Position

_SHOWN_CHARACTERS = 80
HIDDEN = "(hidden)"


class _NoValue:
    """Marks an error that is about something missing, so that null stays a value like any other."""

    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE = _NoValue()


class ConfigError(Exception):
    """A fault in a configuration file.

    `field` is the dotted path as the user wrote it (`spec.actions[0].handler`), empty for a whole document.
    `value` is the offending value or `NO_VALUE`. `reason` reads after the value ("is not an integer"), `accepted`
    says what would have been right and may be empty. Equal content makes equal errors, so that a store or a
    snapshot can tell whether its list of errors changed.

    `path` and `at_key` are set by the resource that the error is about, which can say where the field stands later.
    """

    path: Path | None = None
    at_key = False

    def __init__(
        self,
        reason: str,
        *,
        position: Position | None = None,
        resource: str = "",
        field: str = "",
        value: object = NO_VALUE,
        accepted: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position
        self.resource = resource
        self.field = field
        self.value = value
        self.accepted = accepted

    @property
    def file(self) -> str:
        return self.position.file if self.position else ""

    @property
    def line(self) -> int:
        return self.position.line if self.position else 0

    @property
    def column(self) -> int:
        return self.position.column if self.position else 0

    def __str__(self) -> str:
        """One line: `file:line:column: resource: field: value reason; accepted: …`."""
        places = [str(part) for part in (self.position, self.resource, self.field) if part]
        text = ": ".join([*places, self._statement()])
        return f"{text}; accepted: {self.accepted}" if self.accepted else text

    def to_text(self) -> str:
        """Several lines for people: the statement first, then where it is and what is accepted."""
        head = f"{self.field}: {self._statement()}" if self.field else self._statement()
        lines = [f"error: {head}"]
        if self.position:
            lines.append(f"  at       {self.position}")
        if self.resource:
            lines.append(f"  resource {self.resource}")
        if self.accepted:
            lines.append(f"  accepted {self.accepted}")
        return "\n".join(lines)

    def to_dict(self) -> Mapping[str, Any]:
        """The form for JSON output; `value` is absent when nothing was given."""
        entry: dict[str, Any] = {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "resource": self.resource,
            "field": self.field,
            "reason": self.reason,
            "accepted": self.accepted,
        }
        if self.value is not NO_VALUE:
            entry["value"] = shown(self.value)
        return entry

    def _statement(self) -> str:
        return self.reason if self.value is NO_VALUE else f"{shown(self.value)} {self.reason}"

    def _content(self) -> tuple[object, ...]:
        value = NO_VALUE if self.value is NO_VALUE else shown(self.value)
        return (self.reason, self.position, self.resource, self.field, value, self.accepted)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfigError) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())


def shown(value: object) -> str:
    """A value as it appears in messages: JSON, cut to a length that keeps the message readable."""
    if value is HIDDEN:
        return HIDDEN
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
