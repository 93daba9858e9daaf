"""What decides: an OPA server, or a compiled policy in the Mixer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol


class OpaError(Exception):
    """There is no decision; the text says why."""


class UndefinedError(OpaError):
    """The rule has no value for this input, or does not exist."""


class Decider(Protocol):
    """Safe to share between threads."""

    def decide(self, question: Mapping[str, Any]) -> object:
        """The value of the rule. Raises `OpaError`."""

    def close(self) -> None: ...


def json_of(question: Mapping[str, Any]) -> bytes:
    """The question as JSON in UTF-8; halves of surrogate pairs, which UTF-8 cannot hold, become U+FFFD."""
    text = json.dumps(question, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
