"""Paths of fields, and the two spellings of their names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""From the top of a document: names of fields and numbers of items."""

_NAMES_KEPT = 4096


@lru_cache(_NAMES_KEPT)
def spellings_of(name: str) -> tuple[str, str, str]:
    """A field's name as given, in lowerCamelCase and in snake_case."""
    return name, to_camel(name), to_snake(name)


@lru_cache(_NAMES_KEPT)
def to_camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def to_snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def render_path(path: Path) -> str:
    """`("spec", "actions", 0, "handler")` as `spec.actions[0].handler`; a key with a dot is put in brackets."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif "." in step or not step:
            text += f'["{step}"]'
        else:
            text += f".{step}" if text else step
    return text
