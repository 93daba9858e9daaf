"""Several adapters' answers to one Check, combined into one.

The order of answers is that of the routes (rules by canonical name, then actions and instances as written), so the
result is the same each time; Istio's Mixer combined in the order in which adapters happened to finish.

- The status is that of the first refusal; its message joins `handler:message` of all refusals.
- Validity is the minimum of all answers. An OK with validity 0 / 0 says nothing about caching and is passed over.
- Without any answer that says something the decision is OK for 1 minute and 10,000 uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mizzen.mixer.adapters import CheckResult, Code, DirectResponse
from mizzen.mixer.expr import Value

DEFAULT_VALID_FOR_SECONDS = 60.0
DEFAULT_USES = 10_000


class Decision(NamedTuple):
    """The answer to a Check before header operations."""

    code: int = 0
    message: str = ""
    valid_for: float = DEFAULT_VALID_FOR_SECONDS
    uses: int = DEFAULT_USES
    direct_response: DirectResponse | None = None

    @property
    def is_ok(self) -> bool:
        return self.code == Code.OK


_NOTHING_SAID = Decision()


class Combination:
    """Takes answers in order and gives the decision."""

    __slots__ = ("_code", "_direct_response", "_messages", "_said_something", "_uses", "_valid_for", "outputs")

    def __init__(self) -> None:
        self._said_something = False
        self._code: int = Code.OK
        self._messages: list[str] = []
        self._valid_for = 0.0
        self._uses = 0
        self._direct_response: DirectResponse | None = None
        self.outputs: dict[str, Value] = {}

    def add(self, handler: str, result: CheckResult, action: str = "") -> None:
        """Adds the answer of `handler`; outputs are kept under `<action>.output.<name>`, the first one counts."""
        if result.output and action:
            self._add_outputs(action, result.output)
        refused = result.status.code != Code.OK
        if not refused and not result.valid_for and not result.uses:
            return
        if self._said_something:
            self._valid_for = min(self._valid_for, result.valid_for)
            self._uses = min(self._uses, result.uses)
        else:
            self._said_something = True
            self._valid_for, self._uses = result.valid_for, result.uses
        if refused:
            if self._code == Code.OK:
                self._code = result.status.code
                self._direct_response = result.direct_response
            self._messages.append(f"{handler}:{result.status.message}")

    def decision(self) -> Decision:
        if not self._said_something:
            return _NOTHING_SAID
        return Decision(self._code, ", ".join(self._messages), self._valid_for, self._uses, self._direct_response)

    def _add_outputs(self, action: str, output: Mapping[str, Value]) -> None:
        for name, value in output.items():
            self.outputs.setdefault(f"{action}.output.{name}", value)
