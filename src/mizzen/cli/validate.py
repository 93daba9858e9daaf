"""`mizzen validate`: checks configuration files as the Mixer would, without starting anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mizzen.cli.outcome import EXIT_FAILED, EXIT_USAGE, Output, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mizzen.config.errors import ConfigError
    from mizzen.config.scan import Scan, ScannedFile


def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Files, directories; -: standard input.")],
    adapter_dir: Annotated[
        list[Path] | None,
        typer.Option("--adapter-dir", metavar="DIR", help="Folder with adapters in Python; may be given again."),
    ] = None,
    default_namespace: Annotated[
        str, typer.Option(metavar="NAME", help="Namespace of resources that name none.")
    ] = "istio-system",
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the faults.")] = Output.TEXT,
) -> None:
    """Check configuration files for faults.

    All files are taken together, so references between them resolve. Nothing outside the files is touched: handlers
    are checked, but not built. Modules of --adapter-dir are imported. The exit status is 1 when there is any fault.
    """
    from mizzen.config.store import StoreState, advance
    from mizzen.mixer.extensions import Catalog, installed
    from mizzen.mixer.runtime.validate import validate_resources

    catalog = Catalog(adapter_dir or (), installed())
    try:
        catalog.refresh()
    except OSError as error:
        fail("validate", f"--adapter-dir {error.filename}: {error.strerror}", EXIT_USAGE)
    state = advance(StoreState(), read(paths), default_namespace)
    errors = [*catalog.errors, *state.errors, *validate_resources(state.resources, catalog.inventory)]
    if output is Output.JSON:
        result = {
            "valid": not errors,
            "resources": len(state.resources),
            "errors": [error.to_dict() for error in errors],
        }
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        typer.echo(as_text(errors, len(state.resources)), err=bool(errors))
    if errors:
        raise typer.Exit(EXIT_FAILED)


def read(paths: Sequence[Path]) -> Scan:
    """The files that are named, and those below the directories that are."""
    from mizzen.config.scan import ScannedFile, read_file, scan_directory

    scan: dict[str, ScannedFile] = {}
    for path in paths:
        if str(path) == "-":
            scan["(standard input)"] = standard_input()
            continue
        try:
            scan |= scan_directory(path) if path.is_dir() else {str(path): read_file(path)}
        except OSError as error:
            scan[str(path)] = ScannedFile(failure=f"cannot be read: {error.strerror}")
    return scan


def standard_input() -> ScannedFile:
    from mizzen.config.scan import ScannedFile

    try:
        return ScannedFile(sys.stdin.buffer.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return ScannedFile(failure=f"is not UTF-8 at byte {error.start}")


def as_text(errors: Sequence[ConfigError], resources: int) -> str:
    faults = "\n\n".join(error.to_text() for error in errors)
    count = f"{resources} resource{'' if resources == 1 else 's'}"
    if not errors:
        return f"{count}, no faults"
    return f"{faults}\n\n{count}, {len(errors)} fault{'' if len(errors) == 1 else 's'}"
