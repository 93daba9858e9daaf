"""`mizzen schema`: the JSON schema of the configuration, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mizzen.cli.outcome import EXIT_FAILED, EXIT_USAGE, fail

VERB = "schema"


def schema(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="Only this kind; default: all.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here; default: standard output.")
    ] = None,
    adapter_dir: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Folder with adapters and templates of your own.")
    ] = None,
) -> None:
    """Print the JSON schema (draft 7) of the Mixer's resources.

    Editors with a YAML language server check and complete documents by it. The exit status is 2 for an unknown kind, 1
    when adapters cannot be loaded or the file cannot be written.
    """
    from mizzen.mixer.extensions import Catalog, installed
    from mizzen.mixer.schema import known_kinds, resource_schema

    for directory in adapter_dir or ():
        if not directory.is_dir():
            fail(VERB, f"--adapter-dir {directory}: is not a directory; accepted: an existing directory", EXIT_USAGE)
    catalog = Catalog(adapter_dir or (), installed())
    catalog.refresh()
    if catalog.errors:
        typer.echo("\n\n".join(error.to_text() for error in catalog.errors), err=True)
        raise typer.Exit(EXIT_FAILED)
    known = known_kinds(catalog.inventory)
    if kind and kind not in known:
        fail(VERB, f"'{kind}'; accepted: {', '.join(known)}", EXIT_USAGE)
    text = json.dumps(resource_schema(catalog.inventory, kind), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        fail(VERB, f"{output}: cannot be written: {error.strerror}", EXIT_FAILED)
