"""Texts with fields in them, in the part of Go's template language that names of metrics need.

`{{.field}}` and `{{index . "any name"}}` stand for the text of a field; `{{- …` and `… -}}` trim the white space beside
them as in Go; `{{/* … */}}` is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_FIELD = re.compile(r"\.([^\W\d]\w*)")
_INDEX = re.compile(r'index\s+\.\s+(?:"([^"\\]*)"|`([^`]*)`)')
_COMMENT = re.compile(r"/\*.*\*/", re.DOTALL)
_SPACES = " \t\r\n"


class TemplateError(ValueError):
    """A text is not a template of this subset; the message says where."""


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A parsed template: `texts` has one element more than `fields`, and they alternate."""

    texts: tuple[str, ...]
    fields: tuple[str, ...]

    def render(self, values: Mapping[str, str]) -> str:
        """The text with each field replaced; KeyError for a field that `values` lacks."""
        parts = [self.texts[0]]
        for field, text in zip(self.fields, self.texts[1:], strict=True):
            parts += (values[field], text)
        return "".join(parts)


def parse_template(text: str) -> NameTemplate:
    """Raises `TemplateError` for anything beyond the subset."""
    texts: list[str] = [""]
    fields: list[str] = []
    rest, trim_left = text, False
    while True:
        literal, opened, tail = rest.partition("{{")
        if trim_left:
            literal = literal.lstrip(_SPACES)
        action, closed, rest = _action(tail, text) if opened else ("", "", "")
        trim_right = action.startswith("-") and action[1:2] in _SPACES
        texts[-1] += literal.rstrip(_SPACES) if trim_right else literal
        if not closed:
            return NameTemplate(tuple(texts), tuple(fields))
        trim_left = action.endswith("-") and action[-2:-1] in _SPACES
        inner = action[1 if trim_right else 0 : -1 if trim_left else None].strip(_SPACES)
        if not _COMMENT.fullmatch(inner):
            fields.append(_field(inner))
            texts.append("")


def _action(tail: str, text: str) -> tuple[str, str, str]:
    action, closed, rest = tail.partition("}}")
    if not closed:
        raise TemplateError(f"has an action that is not closed, from {('{{' + tail)[:40]!r} on")
    return action, closed, rest


def _field(action: str) -> str:
    field = _FIELD.fullmatch(action)
    if field:
        return field[1]
    index = _INDEX.fullmatch(action)
    if index:
        return index[1] if index[1] is not None else index[2]
    raise TemplateError(f"has the action {('{{' + action + '}}')[:40]!r}, which is not supported")
