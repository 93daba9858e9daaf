"""The flags that say which attributes to send, of `mizzen check` and `mizzen report`; their names are mixc's.

Every flag of several words may be written with hyphens or, as mixc has it, with underscores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mizzen.cli.outcome import EXIT_USAGE, fail

if TYPE_CHECKING:
    from mizzen.mixer.expr import Value


def pairs(help_text: str, *names: str) -> Any:
    return typer.Option(*names, metavar="NAME=VALUE,…", help=help_text)


@dataclass(frozen=True)
class AttributeFlags:
    """What was given; `records` reads it."""

    attributes: Annotated[
        list[str] | None, pairs("Attributes; types by name, else by what the value looks like.", "--attributes", "-a")
    ] = None
    strings: Annotated[list[str] | None, pairs("Text.", "--string-attributes", "--string_attributes", "-s")] = None
    integers: Annotated[list[str] | None, pairs("Whole numbers.", "--int64-attributes", "--int64_attributes", "-i")] = (
        None
    )
    doubles: Annotated[list[str] | None, pairs("Numbers.", "--double-attributes", "--double_attributes", "-d")] = None
    bools: Annotated[list[str] | None, pairs("true or false.", "--bool-attributes", "--bool_attributes", "-b")] = None
    times: Annotated[
        list[str] | None, pairs("RFC 3339 times.", "--timestamp-attributes", "--timestamp_attributes", "-t")
    ] = None
    durations: Annotated[list[str] | None, pairs("Such as 5ms.", "--duration-attributes", "--duration_attributes")] = (
        None
    )
    octets: Annotated[
        list[str] | None, pairs("Hexadecimal bytes such as 0a:00:00:01.", "--bytes-attributes", "--bytes_attributes")
    ] = None
    maps: Annotated[
        list[str] | None,
        pairs("String maps, each key:value;key:value.", "--stringmap-attributes", "--stringmap_attributes"),
    ] = None
    attributes_file: Annotated[
        Path | None,
        typer.Option(
            "--attributes-file",
            "--attributes_file",
            "-f",
            metavar="FILE",
            help="Attributes from YAML or JSON; - is standard input. Flags win over it.",
        ),
    ] = None
    manifest: Annotated[
        list[Path] | None,
        typer.Option("--manifest", metavar="FILE", help="Types of more attributes: attributemanifest, or name: TYPE."),
    ] = None

    def records(self, verb: str) -> list[dict[str, Value]]:
        """The attributes of each document of the file (one set without a file), with those of the flags over them.

        Among the flags those with a stated type are applied first, the others last, as mixc does. Ends the process
        with the status of a usage error when something cannot be read.
        """
        from mizzen.client import texts
        from mizzen.client.files import read_attributes, read_manifests
        from mizzen.config import ConfigError

        try:
            vocabulary = read_manifests(self.manifest or [])
            records = read_attributes(self.attributes_file, vocabulary) if self.attributes_file else [{}]
        except ConfigError as error:
            typer.echo(error.to_text(), err=True)
            raise typer.Exit(EXIT_USAGE) from None
        readers = (
            (self.strings, texts.read_string, "text"),
            (self.integers, texts.read_int64, "a whole number of 64 bits"),
            (self.doubles, texts.read_double, "a number"),
            (self.bools, texts.read_bool, "true or false"),
            (self.times, texts.read_timestamp, "an RFC 3339 time such as 2018-01-01T00:00:00Z"),
            (self.durations, texts.read_duration, "a duration such as 5ms or 1h30m"),
            (self.octets, texts.read_bytes, "hexadecimal bytes such as 0a:00:00:01"),
            (self.maps, texts.read_map, "entries such as key:value;key:value"),
        )
        given: dict[str, Value] = {}
        try:
            for pairs_given, reader, accepted in readers:
                given |= texts.read_pairs(pairs_given or (), texts.typed(reader, accepted))
            given |= texts.read_pairs(self.attributes or (), texts.auto(vocabulary))
        except texts.AttributeTextError as error:
            fail(verb, str(error), EXIT_USAGE)
        return [record | given for record in records] or [given]
