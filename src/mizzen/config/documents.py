"""YAML text to documents that know the position of every field.

One document that does not parse leaves its neighbours unharmed: the text is cut at the `---` lines first, and each
piece is parsed alone. Positions are asked for when something is wrong, so they are found only then, by composing the
piece once more; a large configuration would need several times its own memory for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mizzen.config.errors import ConfigError
from mizzen.config.nodes import Place, Places, Walk, compose, place_of
from mizzen.config.paths import Path, spellings_of
from mizzen.config.position import Position


class Source:
    """The text of a document, and the places in it, which are found when they are asked for."""

    def __init__(self, text: str = "", number: int = 0, start: Place = (0, 0)) -> None:
        """`number` counts the documents of the text from 0; `start` is where its top value stands."""
        self.start = start
        self._text = text
        self._number = number

    @cached_property
    def places(self) -> Places:
        found = Places()
        nodes = compose(self._text, "", 0)
        if nodes:
            Walk("", 0, found).value_of(nodes[self._number])
        return found


@dataclass(frozen=True)
class Document:
    """One YAML document: its plain value, and the position of each key and each value by path.

    The path of the whole document is the empty tuple. `first_line` is the line of the file, from 0, on which the
    document's text begins; `root` is where in that text the document stands, if it is an entry of a list.
    """

    file: str
    value: Any
    source: Source = field(default_factory=Source, repr=False, compare=False)
    first_line: int = field(default=0, repr=False, compare=False)
    root: Path = field(default=(), repr=False, compare=False)

    def entries(self) -> list[Document]:
        """What a `kind: List` holds, each as a document of its own; any other document is one itself."""
        items = self.value.get("items") if isinstance(self.value, dict) and self.value.get("kind") == "List" else None
        if not isinstance(items, list):
            return [self]
        root = (*self.root, "items")
        return [Document(self.file, item, self.source, self.first_line, (*root, at)) for at, item in enumerate(items)]

    def position(self, path: Path = (), *, key: bool = False) -> Position:
        """The place of the value at `path` (with `key`, of its key), or of its nearest parent that is written."""
        path = (*self.root, *path)
        if not path:
            return self._position(self.source.start)
        places = self.source.places
        if key and path in places.keys:
            return self._position(places.keys[path])
        while path not in places.values and path:
            path = path[:-1]
        return self._position(places.values.get(path, self.source.start))

    def as_written(self, path: Path) -> Path:
        """`path` with each field in the spelling the document uses, as far as the document goes."""
        written: list[str | int] = []
        value = self.value
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                step = next((name for name in spellings_of(step) if name in value), step)
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                value = None
            written.append(step)
        return tuple(written)

    def moved(self, first_line: int) -> Document:
        """The same document where its text begins on another line."""
        return Document(self.file, self.value, self.source, first_line, self.root)

    def _position(self, place: Place) -> Position:
        return Position(self.file, self.first_line + place[0] + 1, place[1] + 1)


def parse_documents(text: str, file: str) -> tuple[list[Document], list[ConfigError]]:
    """All documents of `text` and an error for each piece that is none. Blank documents are left out."""
    documents: list[Document] = []
    errors: list[ConfigError] = []
    for first_line, piece in pieces_of(text):
        try:
            documents += parse_piece(piece, file, first_line)
        except ConfigError as error:
            errors.append(error)
    return documents, errors


def pieces_of(text: str) -> Iterator[tuple[int, str]]:
    """The text between document markers, each with the number (from 0) of its first line.

    A marker can only stand at the start of a line, even inside block scalars, so cutting there is exact. Directives
    (`%YAML`) belong to the document after the marker that follows them.
    """
    lines = text.split("\n")
    start = 0
    for number, line in enumerate(lines):
        if line.startswith("---") and (line.rstrip() == "---" or line.startswith("--- ")):
            if _only_directives(lines, start, number):
                continue
            yield start, "\n".join(lines[start:number])
            start = number
    yield start, "\n".join(lines[start:])


def parse_piece(piece: str, file: str, first_line: int) -> list[Document]:
    """The documents of a piece: one, as a rule; none of a blank one. Raises `ConfigError`."""
    documents = []
    for number, node in enumerate(compose(piece, file, first_line)):
        value = Walk(file, first_line).value_of(node)
        if value is not None:
            documents.append(Document(file, value, Source(piece, number, place_of(node)), first_line))
    return documents


def _only_directives(lines: list[str], start: int, end: int) -> bool:
    return all(not lines[at].strip() or lines[at].startswith(("%", "#")) for at in range(start, end))
