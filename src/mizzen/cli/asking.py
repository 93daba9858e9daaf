"""The flags that `mizzen check` and `mizzen report` share, and what they say; the flags' names are mixc's.

Every flag of several words may be written with hyphens or, as mixc has it, with underscores.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mizzen.cli.numbers import number_in

if TYPE_CHECKING:
    from mizzen.client.target import Target
    from mizzen.mixer.expr import Value

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3


class Output(Enum):
    TEXT = "text"
    JSON = "json"


def pairs(help_text: str, *names: str) -> object:
    return typer.Option(*names, metavar="NAME=VALUE,…", help=help_text)


Mixer = Annotated[str, typer.Option("--mixer", "-m", metavar="HOST:PORT", help="The Mixer.")]
Auto = Annotated[
    list[str] | None, pairs("Attributes; types by name, else by what the value looks like.", "--attributes", "-a")
]
Strings = Annotated[list[str] | None, pairs("Text.", "--string-attributes", "--string_attributes", "-s")]
Integers = Annotated[list[str] | None, pairs("Whole numbers.", "--int64-attributes", "--int64_attributes", "-i")]
Doubles = Annotated[list[str] | None, pairs("Numbers.", "--double-attributes", "--double_attributes", "-d")]
Bools = Annotated[list[str] | None, pairs("true or false.", "--bool-attributes", "--bool_attributes", "-b")]
Times = Annotated[list[str] | None, pairs("RFC 3339 times.", "--timestamp-attributes", "--timestamp_attributes", "-t")]
Durations = Annotated[list[str] | None, pairs("Such as 5ms.", "--duration-attributes", "--duration_attributes")]
Octets = Annotated[
    list[str] | None, pairs("Hexadecimal bytes such as 0a:00:00:01.", "--bytes-attributes", "--bytes_attributes")
]
Maps = Annotated[
    list[str] | None,
    pairs("String maps, each key:value;key:value.", "--stringmap-attributes", "--stringmap_attributes"),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--attributes-file",
        "--attributes_file",
        "-f",
        metavar="FILE",
        help="Attributes from YAML or JSON; - is standard input. Flags win over it.",
    ),
]
Manifests = Annotated[
    list[Path] | None,
    typer.Option("--manifest", metavar="FILE", help="Types of more attributes: attributemanifest, or name: TYPE."),
]
Repeat = Annotated[
    int, typer.Option("--repeat", "-r", metavar="N", parser=number_in(1, 10**9), help="Calls of each client.")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", "-c", metavar="N", parser=number_in(1, 1024), help="Clients at once.")
]
Rate = Annotated[float, typer.Option("--rate", metavar="N", help="Calls per second of all clients; ≤ 0: no limit.")]
PrintResponse = Annotated[
    bool,
    typer.Option(
        "--print-response/--no-print-response",
        "--print_response/--no-print_response",
        help="Print every answer; off: only what became of all.",
    ),
]
Timeout = Annotated[
    int, typer.Option("--timeout", metavar="SECONDS", parser=number_in(1, 3600), help="Time for each call.")
]
Form = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
Tls = Annotated[bool, typer.Option("--tls", help="Speak TLS; any other --tls flag says so too.")]
TlsCa = Annotated[
    Path | None,
    typer.Option("--tls-ca", metavar="FILE", help="Authorities for the Mixer's certificate (PEM)."),
]
TlsCertificate = Annotated[Path | None, typer.Option("--tls-certificate", metavar="FILE", help="Own chain (PEM).")]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its key (PEM).")]
TlsServerName = Annotated[
    str, typer.Option("--tls-server-name", metavar="NAME", help="Name in the Mixer's certificate, if not HOST.")
]


@dataclass(frozen=True)
class Given:
    """What the flags for attributes were given."""

    verb: str
    auto: list[str] | None = None
    strings: list[str] | None = None
    integers: list[str] | None = None
    doubles: list[str] | None = None
    bools: list[str] | None = None
    times: list[str] | None = None
    durations: list[str] | None = None
    octets: list[str] | None = None
    maps: list[str] | None = None
    file: Path | None = None
    manifests: list[Path] | None = None

    def records(self) -> list[dict[str, Value]]:
        """The attributes of each document of the file (one set without a file), with those of the flags over them.

        Among the flags those with a stated type are applied first, the others last, as mixc does. Ends the process
        with the status of a usage error when something cannot be read.
        """
        from mizzen.client import texts
        from mizzen.client.files import read_attributes, read_manifests
        from mizzen.config import ConfigError

        try:
            vocabulary = read_manifests(self.manifests or [])
            records = read_attributes(self.file, vocabulary) if self.file else [{}]
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
            given |= texts.read_pairs(self.auto or (), texts.auto(vocabulary))
        except texts.AttributeTextError as error:
            fail(self.verb, str(error), EXIT_USAGE)
        return [record | given for record in records] or [given]


def target_of(
    verb: str,
    mixer: str,
    tls: bool,
    ca: Path | None,
    certificate: Path | None,
    key: Path | None,
    server_name: str,
) -> Target:
    """The Mixer to ask; ends the process with the status of a usage error when the flags do not fit together."""
    from mizzen.client.target import Target, TlsFiles

    if (certificate is None) != (key is None):
        fail(verb, "--tls-certificate and --tls-key belong together", EXIT_USAGE)
    for file in (ca, certificate, key):
        if file is not None and not file.is_file():
            fail(verb, f"{file}: is not a file; accepted: a file in PEM", EXIT_USAGE)
    if tls or ca or certificate or server_name:
        return Target(mixer, TlsFiles(ca, certificate, key, server_name))
    return Target(mixer)


def fail(verb: str, text: str, status: int) -> NoReturn:
    typer.echo(f"mizzen {verb}: {text}", err=True)
    raise typer.Exit(status)
