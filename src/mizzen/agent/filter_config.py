"""Files with an `HttpClientConfig` or `TcpClientConfig`, checked by the filter's own parser before Envoy starts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from mizzen.agent.template import read_text
from mizzen.config import ConfigError, Document, Position, parse_documents
from mizzen.config.paths import render_path

Steps: TypeAlias = tuple[str | int, ...]
# A parser of JSON text that raises `ParseError` for the first fault.
Parser: TypeAlias = Callable[[str], object]
STEP = re.compile(r"\[(\d+)\]|\[\"([^\"]*)\"\]|([^.\[\]]+)")


class ParseError(Protocol):
    """What the native parsers raise: the field's path, its value, what is wrong and what is accepted."""

    path: str
    value: str
    reason: str
    accepted: str


def load_filter_config(path: Path, parse: Parser | None = None) -> Mapping[str, Any]:
    """Read and check an `HttpClientConfig`; a fault raises `ConfigError` with file, line, field, value and accepted."""
    return check(load_mapping(read_text(path), str(path)), parse or native_parser())


def load_tcp_filter_config(path: Path, parse: Parser | None = None) -> Mapping[str, Any]:
    """As `load_filter_config`, for a `TcpClientConfig`."""
    return check(load_mapping(read_text(path), str(path)), parse or native_tcp_parser())


def load_mapping(text: str, file: str) -> Document:
    """The one mapping the text holds (an empty text is an empty mapping); anything else raises `ConfigError`."""
    documents, errors = parse_documents(text, file)
    if errors:
        raise errors[0]
    if len(documents) > 1:
        raise ConfigError("is a second document", position=documents[1].position(), accepted="one document")
    if not documents:
        return Document(file, {})
    if not isinstance(documents[0].value, dict):
        raise ConfigError(
            "is not a mapping", position=documents[0].position(), accepted="named fields, as YAML or JSON"
        )
    return documents[0]


def check(document: Document, parse: Parser) -> Mapping[str, Any]:
    try:
        parse(json.dumps(document.value, ensure_ascii=False, allow_nan=False))
    except ValueError as error:
        raise located(error, document) from None
    value: Mapping[str, Any] = document.value
    return value


def located(error: ValueError, document: Document) -> ConfigError:
    """The parser's error with the position of the field it names."""
    path = getattr(error, "path", "")
    if not path:
        reason = getattr(error, "reason", "") or str(error)
        position = Position(document.file, 1, 1)
        return ConfigError(reason, position=position, accepted=getattr(error, "accepted", ""))
    steps, whole = written_path(path, document)
    value = read_back(getattr(error, "value", ""))
    return ConfigError(
        getattr(error, "reason", str(error)),
        position=document.position(steps, key=True),
        field=render_path(steps) if whole else path,
        value=value,
        accepted=getattr(error, "accepted", ""),
    )


def read_back(value: str) -> object:
    """The parser tells values as JSON text; a text that is none stays as it is."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def written_path(path: str, document: Document) -> tuple[Steps, bool]:
    """The path in the file's own spelling (`serviceConfigs` for `service_configs`), and whether all of it was found.

    Names of map entries contain dots (`attributes.source.uid`), so each step takes the longest name that exists.
    """
    parts = [index or quoted or name for index, quoted, name in STEP.findall(path)]
    steps: Steps = ()
    value: Any = document.value
    while parts:
        found = take_step(value, parts)
        if found is None:
            break
        step, used = found
        value = value[step]
        steps = (*steps, step)
        parts = parts[used:]
    return steps, not parts


def take_step(value: Any, parts: list[str]) -> tuple[str | int, int] | None:
    """The key or index of `value` that the first parts spell, and how many parts that took."""
    if isinstance(value, list):
        index = parts[0]
        return (int(index), 1) if index.isdigit() and int(index) < len(value) else None
    if not isinstance(value, dict):
        return None
    for used in range(len(parts), 0, -1):
        wanted = ".".join(parts[:used])
        for key in value:
            if key == wanted or (used == 1 and spelling(key) == spelling(wanted)):
                return key, used
    return None


def spelling(name: str) -> str:
    return name.replace("_", "").lower()


def native_parser() -> Parser:
    from mizzen.wire import parse_http_client_config

    return parse_http_client_config


def native_tcp_parser() -> Parser:
    from mizzen.wire import parse_tcp_client_config

    return parse_tcp_client_config
