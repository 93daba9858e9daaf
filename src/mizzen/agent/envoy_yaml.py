"""YAML as Envoy's parser reads it, which is not quite as Python's does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

# Envoy takes an unquoted `y`, `1e3` or `.5` for a bool or a number, where PyYAML writes them for texts. What begins
# with a letter, `/` or `_` and is none of these words is a text to both.
PLAIN = re.compile(r"[A-Za-z/_][\w./@~-]*", re.ASCII)
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"})
# the largest there is to libyaml: no text is folded
WIDTH = 2**31 - 1


_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # without libyaml: the same text, several times slower


class Dumper(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """Quotes every text that a parser might take for something else."""


def represent_text(dumper: Any, text: str) -> Any:
    plain = PLAIN.fullmatch(text) and text.lower() not in WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


Dumper.add_representer(str, represent_text)


def dump(document: Mapping[str, Any]) -> str:
    """The document as YAML in which each text reads as a text, its fields in their order."""
    text: str = yaml.dump(
        document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False
    )
    return text
