"""YAML text to nodes to plain values.

The C parser of PyYAML composes nodes; this module walks them itself, because PyYAML's constructors lose positions,
accept duplicate keys and follow YAML 1.1. Aliases and merge keys work; their expansion, the depth and the number of
nodes are bounded, so that a small hostile text cannot take the process's memory.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, TypeAlias

import yaml

from mizzen.config.errors import NO_VALUE, ConfigError
from mizzen.config.paths import Path, render_path
from mizzen.config.position import Position
from mizzen.config.scalars import ScalarError, resolve_plain

_DEEPEST = 64
_DEEP_ENOUGH = 400
_MOST_NODES = 200_000
_PREFIX = "tag:yaml.org,2002:"
_STR, _MAP, _SEQ = f"{_PREFIX}str", f"{_PREFIX}map", f"{_PREFIX}seq"
_MERGE = "<<"
_PLAIN = "!plain"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # without libyaml: the same marks, ten times slower

# JSON writes a letter beyond U+FFFF as two escapes, for which YAML has one of its own
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)

Place: TypeAlias = tuple[int, int]
"""Line and column of a node in its text, from 0."""


class _Loader(_Base):  # type: ignore[misc]
    """Tells plain scalars apart from those with a tag, and leaves their meaning to `scalars`."""

    def resolve(self, kind: type[yaml.Node], value: object, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _STR
        return _MAP if kind is yaml.MappingNode else _SEQ

    def descend_resolver(self, current_node: object, current_index: object) -> None:
        """No tag depends on where a node stands."""

    def ascend_resolver(self) -> None:
        pass


def compose(piece: str, file: str, first_line: int) -> list[yaml.Node]:
    """The documents of a text that begins on line `first_line` (from 0) of its file, as nodes. Raises `ConfigError`."""
    if piece.lstrip()[:1] in ("{", "["):
        piece = _PAIR.sub(_one_escape, piece)
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


def _one_escape(pair: re.Match[str]) -> str:
    before, high, low = pair.groups()
    return f"{before}\\U{0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00:08x}"


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


class Places:
    """Where the values and the keys of one document stand in its text."""

    __slots__ = ("keys", "values")

    def __init__(self) -> None:
        self.values: dict[Path, Place] = {}
        self.keys: dict[Path, Place] = {}


class Walk:
    """Turns the nodes of one document into plain values; `places`, if given, takes where each stands."""

    def __init__(self, file: str, first_line: int, places: Places | None = None) -> None:
        self.file = file
        self.first_line = first_line
        self.places = places
        self.nodes = 0

    def value_of(self, node: yaml.Node, path: Path = (), open_nodes: tuple[int, ...] = ()) -> Any:
        self.nodes += 1
        if self.places is not None:
            self.places.values[path] = place_of(node)
        if self.nodes > _MOST_NODES:
            raise self._error(node, path, "has too many nodes", f"at most {_MOST_NODES} after expansion of aliases")
        if len(open_nodes) >= _DEEPEST:
            raise _too_deep(self._position(node))
        if id(node) in open_nodes:
            raise self._error(node, path, "contains itself through an alias")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in (_MAP, _SEQ):
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
                first = next(self._position(known) for known, _ in node.value if known.value == key)
                raise self._error(key_node, inner, f"is given twice, first in line {first.line}", "each field once")
            if self.places is not None:
                self.places.keys[inner] = place_of(key_node)
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
            own = Walk(self.file, self.first_line, None if self.places is None else Places())
            own.nodes = self.nodes
            values = own.value_of(source, path, open_nodes)
            self.nodes = own.nodes
            absent = [name for name in values if name not in mapping]
            for name in absent:
                mapping[name] = values[name]
            if self.places is not None and own.places is not None:
                _take_over(self.places, own.places, len(path), absent)

    def _key(self, node: yaml.Node, path: Path) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, path, "has a key that is not a text", "texts as keys")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        if node.tag == _STR:
            return node.value
        if node.tag != _PLAIN:
            raise self._error(node, path, f"has the tag {_short(node.tag)}", "no tags")
        try:
            return resolve_plain(node.value)
        except ScalarError as error:
            accepted = f'"{node.value}" for the text, {node.value.lstrip("0+-") or "0"} or 0o… for the number'
            raise self._error(node, path, str(error), accepted, node.value) from None

    def _position(self, node: yaml.Node) -> Position:
        line, column = place_of(node)
        return Position(self.file, self.first_line + line + 1, column + 1)

    def _error(self, node: yaml.Node, path: Path, reason: str, accepted: str = "", *value: object) -> ConfigError:
        given = value[0] if value else NO_VALUE
        return ConfigError(
            reason, position=self._position(node), field=render_path(path), value=given, accepted=accepted
        )


def place_of(node: yaml.Node) -> Place:
    mark = node.start_mark
    return mark.line, mark.column


def _take_over(places: Places, merged: Places, depth: int, names: Container[str | int]) -> None:
    """The places of merged fields: those where they are written."""
    for known, found in ((places.values, merged.values), (places.keys, merged.keys)):
        for path, place in found.items():
            if len(path) > depth and path[depth] in names:
                known[path] = place


def _short(tag: str) -> str:
    return "!!" + tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else tag
