"""The path of a rule in OPA's data, as Rego writes it: `data.mixerauthz.allow`, `data.shop["web-app"].allow`."""

from __future__ import annotations

import json
import re

_STEP = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[("(?:[^"\\\x00-\x1f]|\\.)*")\]""", re.ASCII)


def rule_path(text: str) -> tuple[str, ...]:
    """The names below `data`. Raises `ValueError` if this is no such path."""
    if not text.startswith("data"):
        raise ValueError(text)
    names: list[str] = []
    at = len("data")
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError(text)
        names.append(step[1] if step[1] is not None else json.loads(step[2]))
        at = step.end()
    if not all(names) or not names:
        raise ValueError(text)
    return tuple(names)
