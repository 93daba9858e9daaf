"""`mizzen eval`: the value, type and referenced attributes of one expression on attributes from a file."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from mizzen.cli.outcome import EXIT_FAILED, Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mizzen.mixer.expr import ExpressionError, Reference


class Dialect(Enum):
    CEXL = "cexl"
    CEL = "cel"


def evaluate(
    expression: Annotated[str, typer.Argument(metavar="EXPR", help="The expression.")],
    attributes: Annotated[
        Path | None,
        typer.Option(
            "--attributes", "-a", metavar="FILE", help="YAML mapping of attribute name to value; - is standard input."
        ),
    ] = None,
    manifest: Annotated[
        list[Path] | None,
        typer.Option(
            "--manifest",
            "-m",
            metavar="FILE",
            help="More attributes: resources of kind attributemanifest, or name: TYPE.",
        ),
    ] = None,
    language: Annotated[
        Dialect, typer.Option("--language", "-l", help="What it is written in: Istio's language or CEL.")
    ] = Dialect.CEXL,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.TEXT,
) -> None:
    """Evaluate an attribute expression and show what it refers to.

    Values are written by the type of the attribute: an address as text, a duration as "5ms", a time by RFC 3339.
    The exit status is 1 when a file, the expression or its evaluation is in error.
    """
    from mizzen.client.files import read_attributes, read_manifests
    from mizzen.config import ConfigError
    from mizzen.mixer.expr import ExpressionError, Language, RecordedAttributes, compile_expression
    from mizzen.mixer.expr.texts import show_value

    try:
        vocabulary = read_manifests(manifest or [])
        records = read_attributes(attributes, vocabulary) if attributes else []
        bag = RecordedAttributes({name: value for record in records for name, value in record.items()})
    except ConfigError as error:
        refuse(output, {"file": error.to_dict()}, error.to_text())
    try:
        prepared = compile_expression(expression, vocabulary.spoken_in(Language(language.value)))
        value = prepared.evaluate(bag)
    except ExpressionError as error:
        refuse(output, failure(error, bag.references()), failure_text(error, bag.references()))
    if output is Output.JSON:
        result = {"value": show_value(value), "type": str(prepared.type), "referenced": listed(bag.references())}
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    typer.echo(f"value       {json.dumps(show_value(value), ensure_ascii=False)}")
    typer.echo(f"type        {prepared.type}")
    typer.echo(referenced_text(bag.references()))


def refuse(output: Output, entry: Mapping[str, Any], text: str) -> NoReturn:
    if output is Output.JSON:
        typer.echo(json.dumps({"error": entry}, ensure_ascii=False))
    else:
        typer.echo(text, err=True)
    raise typer.Exit(EXIT_FAILED)


def failure(error: ExpressionError, references: list[Reference]) -> dict[str, Any]:
    from mizzen.mixer.expr import EvaluationError

    entry: dict[str, Any] = {
        "kind": type(error).__name__,
        "message": error.message,
        "line": error.line,
        "column": error.column,
        "expression": error.expression,
    }
    if isinstance(error, EvaluationError):
        entry["referenced"] = listed(references)
    return entry


def failure_text(error: ExpressionError, references: list[Reference]) -> str:
    from mizzen.mixer.expr import EvaluationError

    text = f"error: {error.message}\n  at       line {error.line}, column {error.column}\n\n{error.caret()}"
    if isinstance(error, EvaluationError) and references:
        text += f"\n\n{referenced_text(references)}"
    return text


def listed(references: list[Reference]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "key": one.key, "condition": "EXACT" if one.present else "ABSENCE"} for one in references
    ]


def referenced_text(references: list[Reference]) -> str:
    lines = [str(reference) for reference in references] or ["nothing"]
    return "\n".join(f"{'referenced' if number == 0 else '':<12}{line}" for number, line in enumerate(lines))
