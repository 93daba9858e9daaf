"""Where generated code is collected: lines, temporary names, and which look-ups are known at the current point."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import LimitError

MAX_INDENT = 90
"""Python refuses source that is indented by a hundred levels."""


class Scope:
    """What is known to have been computed wherever control passes here: from a key to the variable that holds it."""

    __slots__ = ("known",)

    def __init__(self, known: dict[object, str] | None = None) -> None:
        self.known = known or {}

    def copy(self) -> Scope:
        return Scope(dict(self.known))


class CodeWriter:
    """Lines of one Python function, with indentation and fresh names; constants are not in its text but beside it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[str] = []
        self.depth = 3
        self.scope = Scope()
        self.names = 0
        self.constants: dict[str, object] = {}
        self.unset: set[str] = set()

    def emit(self, line: str) -> None:
        self.lines.append(" " * self.depth + line)

    def temporary(self) -> str:
        self.names += 1
        return f"t{self.names}"

    def constant(self, value: object) -> str:
        name = f"K{len(self.constants)}"
        self.constants[name] = value
        return name

    @contextmanager
    def block(self, head: str, scope: Scope) -> Iterator[None]:
        """An indented block under `head` that begins with what `scope` knows; what it learns is forgotten after it."""
        if self.depth >= MAX_INDENT:
            raise LimitError("nested too deeply: too many conditions inside one another", self.text, 0)
        self.emit(head)
        before = self.scope
        self.scope = scope.copy()
        self.depth += 1
        start = len(self.lines)
        try:
            yield
        finally:
            if len(self.lines) == start:
                self.emit("pass")
            self.depth -= 1
            self.scope = before

    def source(self) -> str:
        """A function `make` that takes the constants and returns the function `evaluate`.

        Variables that are filled on first use begin as UNSET.
        """
        head = [f"def make({', '.join(self.constants)}):", " def evaluate(bag):"]
        prologue = [f"  {variable} = UNSET" for variable in sorted(self.unset)]
        guard = [
            "  except (TypeError, UnicodeError) as error:",
            "   raise CRASHED(error) from error",
            " return evaluate",
        ]
        return "\n".join([*head, *prologue, "  try:", *self.lines, *guard, ""])
