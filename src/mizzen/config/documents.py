"""YAML text to documents that know the position of every field.

The C parser of PyYAML composes nodes; this module walks them itself, because PyYAML's constructors lose positions,
accept duplicate keys and follow YAML 1.1. One document that does not parse leaves its neighbours unharmed: the text
is cut at the `---` lines first, and each piece is parsed alone. Aliases and merge keys work; their expansion, the depth
and the number of nodes are bounded, so that a small hostile text cannot take the process's memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

import yaml

from mizzen.config.errors import NO_VALUE, ConfigError
from mizzen.config.position import Position
from mizzen.config.scalars import ScalarError, resolve_plain

Path: TypeAlias = tuple[str | int, ...]

_DEEPEST = 64
_DEEP_ENOUGH = 400
_MOST_NODES = 200_000
_NAMES_KEPT = 4096
_PREFIX = "tag:yaml.org,2002:"
_MERGE = "<<"
_PLAIN = "!plain"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml: the same marks, ten times slower


class _Loader(_Base):  # type: ignore[misc]
    """Tells plain scalars apart from those with a tag, and leaves their meaning to `scalars`."""

    yaml_implicit_resolvers: ClassVar = {None: [(_PLAIN, re.compile(""))]}


@dataclass(frozen=True)
class Document:
    """One YAML document: its plain value, and the position of each key and each value by path.

    The path of the whole document is the empty tuple. Positions are kept as (line, column) from 1 until asked for.
    """

    file: str
    value: Any
    values: Mapping[Path, tuple[int, int]] = field(repr=False, compare=False)
    keys: Mapping[Path, tuple[int, int]] = field(repr=False, compare=False)

    def position(self, path: Path = (), *, key: bool = False) -> Position:
        """The place of the value at `path` (with `key`, of its key), or of its nearest parent that is written."""
        if key and path in self.keys:
            return Position(self.file, *self.keys[path])
        while path not in self.values and path:
            path = path[:-1]
        return Position(self.file, *self.values.get(path, (1, 1)))

    def as_written(self, path: Path) -> Path:
        """`path` with each field in the spelling the document uses, as far as the document goes."""
        written: Path = ()
        for step in path:
            spellings = spellings_of(step) if isinstance(step, str) else (step,)
            written = (*written, next((name for name in spellings if (*written, name) in self.values), step))
        return written


def parse_documents(text: str, file: str) -> tuple[list[Document], list[ConfigError]]:
    """All documents of `text` and an error for each piece that is none. Blank documents are left out."""
    documents: list[Document] = []
    errors: list[ConfigError] = []
    for first_line, piece in _pieces(text):
        try:
            documents += _parse_piece(piece, file, first_line)
        except ConfigError as error:
            errors.append(error)
    return documents, errors


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


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text between document markers, each with the number (from 0) of its first line.

    A marker can only stand at the start of a line, even inside block scalars, so cutting there is exact. Directives
    (`%YAML`) belong to the document after the marker that follows them.
    """
    lines = text.split("\n")
    start = 0
    for number, line in enumerate(lines):
        if (line.rstrip() == "---" or line.startswith("--- ")) and not _only_directives(lines[start:number]):
            yield start, "\n".join(lines[start:number])
            start = number
    yield start, "\n".join(lines[start:])


def _only_directives(lines: list[str]) -> bool:
    return all(not line.strip() or line.startswith(("%", "#")) for line in lines)


def _parse_piece(piece: str, file: str, first_line: int) -> Iterator[Document]:
    for node in _compose(piece, file, first_line):
        walk = _Walk(file, first_line)
        value = walk.value_of(node, (), ())
        if value is not None:
            yield Document(file, value, walk.values, walk.keys)


def _compose(piece: str, file: str, first_line: int) -> list[yaml.Node]:
    try:
        if _may_be_deep(piece):
            _refuse_depth(piece, file, first_line)
        loader = _Loader(piece)
        nodes: list[yaml.Node] = []
        try:
            while loader.check_node():
                nodes.append(loader.get_node())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        position = Position(file, first_line + line + 1, column + 1)
        raise ConfigError(f"is not YAML: {reason}", position=position) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {error}".split("\n")[0], position=Position(file, first_line + 1, 1)) from None
    except UnicodeEncodeError:
        reason = "is not YAML: contains a lone surrogate"
        raise ConfigError(reason, position=Position(file, first_line + 1, 1)) from None
    except RecursionError:
        raise _too_deep(Position(file, first_line + 1, 1)) from None
    return nodes


def _may_be_deep(piece: str) -> bool:
    """Each level of nesting takes a bracket, or a column of its line."""
    return piece.count("[") + piece.count("{") > _DEEP_ENOUGH or max(map(len, piece.split("\n"))) > _DEEP_ENOUGH


def _refuse_depth(piece: str, file: str, first_line: int) -> None:
    """Counts the nesting in the stream of events, which takes no stack, before the composer recurses in C."""
    depth = 0
    loader = _Loader(piece)
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                mark = event.start_mark
                raise _too_deep(Position(file, first_line + mark.line + 1, mark.column + 1))
    finally:
        loader.dispose()


def _too_deep(position: Position) -> ConfigError:
    return ConfigError("is nested too deeply", position=position, accepted=f"at most {_DEEPEST} levels")


class _Walk:
    """Turns the nodes of one document into plain values and remembers where each stood."""

    def __init__(self, file: str, first_line: int) -> None:
        self.file = file
        self.first_line = first_line
        self.values: dict[Path, tuple[int, int]] = {}
        self.keys: dict[Path, tuple[int, int]] = {}
        self.nodes = 0

    def value_of(self, node: yaml.Node, path: Path, open_nodes: tuple[int, ...]) -> Any:
        self.nodes += 1
        self.values[path] = self._place(node)
        if self.nodes > _MOST_NODES:
            raise self._error(node, path, "has too many nodes", f"at most {_MOST_NODES} after expansion of aliases")
        if len(open_nodes) >= _DEEPEST:
            raise _too_deep(Position(self.file, *self._place(node)))
        if id(node) in open_nodes:
            raise self._error(node, path, "contains itself through an alias")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (f"{_PREFIX}map", f"{_PREFIX}seq"):
            raise self._error(node, path, f"has the tag {_short(node.tag)}", "no tags")
        inner = (*open_nodes, id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.value_of(item, (*path, index), inner) for index, item in enumerate(node.value)]
        return self._mapping(node, path, inner)

    def _mapping(self, node: yaml.Node, path: Path, open_nodes: tuple[int, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == _MERGE and key_node.tag == _PLAIN:
                merged.append(value_node)
                continue
            key = self._key(key_node, path)
            inner = (*path, key)
            if key in mapping:
                first = Position(self.file, *self.keys[inner])
                raise self._error(key_node, inner, f"is given twice, first in line {first.line}", "each field once")
            self.keys[inner] = self._place(key_node)
            mapping[key] = self.value_of(value_node, inner, open_nodes)
        for value_node in merged:
            self._merge(mapping, value_node, path, open_nodes)
        return mapping

    def _merge(self, mapping: dict[str, Any], node: yaml.Node, path: Path, open_nodes: tuple[int, ...]) -> None:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise self._error(source, (*path, _MERGE), "is not a mapping", "a mapping or a list of mappings")
            if id(source) in open_nodes:
                raise self._error(source, (*path, _MERGE), "contains itself through an alias")
            own = _Walk(self.file, self.first_line)
            own.nodes = self.nodes
            values = own.value_of(source, path, open_nodes)
            self.nodes = own.nodes
            absent = [name for name in values if name not in mapping]
            for name in absent:
                mapping[name] = values[name]
            prefix = len(path)
            for positions, found in ((self.values, own.values), (self.keys, own.keys)):
                for inner, place in found.items():
                    if len(inner) > prefix and inner[prefix] in absent:
                        positions[inner] = place

    def _key(self, node: yaml.Node, path: Path) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, path, "has a key that is not a text", "texts as keys")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.tag == f"{_PREFIX}str":
            return node.value
        if node.tag != _PLAIN:
            raise self._error(node, path, f"has the tag {_short(node.tag)}", "no tags")
        try:
            return resolve_plain(node.value)
        except ScalarError as error:
            accepted = f'"{node.value}" for the text, {node.value.lstrip("0+-") or "0"} or 0o… for the number'
            raise self._error(node, path, str(error), accepted, node.value) from None

    def _place(self, node: yaml.Node) -> tuple[int, int]:
        mark = node.start_mark
        return self.first_line + mark.line + 1, mark.column + 1

    def _error(self, node: yaml.Node, path: Path, reason: str, accepted: str = "", *value: object) -> ConfigError:
        position = Position(self.file, *self._place(node))
        given = value[0] if value else NO_VALUE
        return ConfigError(reason, position=position, field=render_path(path), value=given, accepted=accepted)


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else tag
