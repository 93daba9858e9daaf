"""Attributes and manifests from YAML or JSON files: values are written by the type of the attribute."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mizzen.config import ConfigError, Document, parse_documents
from mizzen.mixer.expr import BUILTIN, Value, ValueType, Vocabulary
from mizzen.mixer.expr.texts import ACCEPTED, read_value

TYPE_NAMES = ", ".join(kind.name for kind in ValueType if kind is not ValueType.UNSPECIFIED)


def read_documents(path: Path) -> list[Document]:
    """The YAML documents of a file, `-` for standard input; the first fault of any is raised as ConfigError."""
    name = str(path)
    try:
        if name == "-":
            name, text = "(standard input)", sys.stdin.read()
        else:
            text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", field=name) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 at byte {error.start}", field=name) from None
    documents, errors = parse_documents(text, name)
    if errors:
        raise errors[0]
    for document in documents:
        if not isinstance(document.value, Mapping):
            raise ConfigError("is not a mapping", position=document.position(), accepted="a mapping by attribute name")
    return documents


def read_attributes(path: Path, vocabulary: Vocabulary) -> list[dict[str, Value]]:
    """One set of attributes for each document; an attribute that is null is left out. Raises ConfigError."""
    return [_attributes(document, vocabulary) for document in read_documents(path)]


def _attributes(document: Document, vocabulary: Vocabulary) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, data in document.value.items():
        kind = vocabulary.get(name)
        if kind is None:
            reason = f"is not a known attribute{vocabulary.advice(name)}"
            raise ConfigError(reason, position=document.position((name,), key=True), value=name)
        if data is None:
            continue
        try:
            values[name] = read_value(kind, data)
        except ValueError as error:
            raise ConfigError(
                str(error),
                position=document.position((name,)),
                field=name,
                value=data,
                accepted=f"{kind}: {ACCEPTED[kind]}",
            ) from None
    return values


def read_manifests(paths: Sequence[Path]) -> Vocabulary:
    """The built-in attributes and those of the files. Raises ConfigError."""
    types: dict[str, ValueType] = {}
    for path in paths:
        for document in read_documents(path):
            types |= _manifest_types(document)
    return BUILTIN.extended(types)


def _manifest_types(document: Document) -> dict[str, ValueType]:
    """The attributes of a resource of kind attributemanifest, or of a plain mapping of name to type."""
    content: Mapping[str, Any] = document.value
    place: tuple[str, ...] = ()
    for step in ("spec", "attributes"):
        if isinstance(content.get(step), Mapping):
            content, place = content[step], (*place, step)
    types: dict[str, ValueType] = {}
    for name, info in content.items():
        path: tuple[str, ...] = (*place, name)
        if isinstance(info, Mapping):
            field = next((one for one in ("valueType", "value_type") if one in info), "valueType")
            path, info = (*path, field), info.get(field)
        try:
            types[name] = ValueType.from_name(str(info))
        except ValueError:
            position = document.position(path)
            raise ConfigError(
                "is not a value type", position=position, field=name, value=info, accepted=TYPE_NAMES
            ) from None
    return types
