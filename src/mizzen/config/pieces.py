"""What one file says, piece by piece: a piece whose text stays the same is read once, wherever in the file it stands.

One change in a file of thousands of resources then costs what that one resource costs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mizzen.config.documents import parse_piece, pieces_of
from mizzen.config.errors import ConfigError
from mizzen.config.resource import Resource, read_resources


@dataclass(frozen=True, slots=True)
class Piece:
    """The text between two document markers, and what it says. `errors` tell that it is no YAML, `faults` what is wrong
    with the heads of its resources."""

    text: str
    first_line: int
    resources: tuple[Resource, ...] = ()
    errors: tuple[ConfigError, ...] = ()
    faults: tuple[ConfigError, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.errors and not self.faults

    def moved(self, first_line: int) -> Piece:
        """The piece at another place of the file; only for a sound one, because errors know their lines."""
        if first_line == self.first_line:
            return self
        resources = tuple(resource.moved(first_line) for resource in self.resources)
        return Piece(self.text, first_line, resources)


def read_pieces(text: str, file: str, default_namespace: str, before: Iterable[Piece] = ()) -> tuple[Piece, ...]:
    """The pieces of a file; `before` are those that it had when it was read last."""
    known = {piece.text: piece for piece in before if piece.is_sound}
    pieces = []
    for first_line, part in pieces_of(text):
        found = known.get(part)
        pieces.append(found.moved(first_line) if found else _read(part, file, first_line, default_namespace))
    return tuple(pieces)


def _read(text: str, file: str, first_line: int, default_namespace: str) -> Piece:
    try:
        documents = parse_piece(text, file, first_line)
    except ConfigError as error:
        return Piece(text, first_line, errors=(error,))
    resources, faults = read_resources(documents, default_namespace)
    return Piece(text, first_line, tuple(resources), faults=tuple(faults))
