"""`mizzen eval`: the value, type and referenced attributes of one expression on attributes from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mizzen.config import ConfigError, Document, parse_documents
from mizzen.mixer.expr import (
    BUILTIN,
    EvaluationError,
    ExpressionError,
    RecordedAttributes,
    Reference,
    Value,
    ValueType,
    Vocabulary,
    compile_expression,
)
from mizzen.mixer.expr.texts import ACCEPTED, read_value, show_value

TYPE_NAMES = ", ".join(kind.name for kind in ValueType if kind is not ValueType.UNSPECIFIED)


class Output(Enum):
    TEXT = "text"
    JSON = "json"


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
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")] = Output.TEXT,
) -> None:
    """Evaluate an attribute expression and show what it refers to.

    Values are written by the type of the attribute: an address as text, a duration as "5ms", a time by RFC 3339.
    The exit status is 1 when a file, the expression or its evaluation is in error.
    """
    try:
        vocabulary = read_manifests(manifest or [])
        bag = RecordedAttributes(read_attributes(attributes, vocabulary))
    except ConfigError as error:
        refuse(output, {"file": error.to_dict()}, error.to_text())
    try:
        prepared = compile_expression(expression, vocabulary)
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
    raise typer.Exit(1)


def failure(error: ExpressionError, references: list[Reference]) -> dict[str, Any]:
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


def read_documents(path: Path) -> list[Document]:
    """The YAML documents of a file; the first error of any is raised as ConfigError."""
    name = str(path)
    try:
        if name == "-":
            name, text = "(standard input)", sys.stdin.read()
        else:
            text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", field=name) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 at byte {error.start}", field=name) from None
    documents, errors = parse_documents(text, name)
    if errors:
        raise errors[0]
    for document in documents:
        if not isinstance(document.value, Mapping):
            raise ConfigError("is not a mapping", position=document.position(), accepted="a mapping by attribute name")
    return documents


def read_attributes(path: Path | None, vocabulary: Vocabulary) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for document in [] if path is None else read_documents(path):
        for name, data in document.value.items():
            kind = vocabulary.get(name)
            if kind is None:
                reason = f"is not a known attribute{vocabulary.advice(name)}"
                raise ConfigError(reason, position=document.position((name,), key=True), value=name)
            if data is None:
                continue
            try:
                values[name] = read_value(kind, data)
            except ValueError as error:
                raise ConfigError(
                    str(error),
                    position=document.position((name,)),
                    field=name,
                    value=data,
                    accepted=f"{kind}: {ACCEPTED[kind]}",
                ) from None
    return values


def read_manifests(paths: list[Path]) -> Vocabulary:
    types: dict[str, ValueType] = {}
    for path in paths:
        for document in read_documents(path):
            types |= manifest_types(document)
    return BUILTIN.extended(types)


def manifest_types(document: Document) -> dict[str, ValueType]:
    """The attributes of a resource of kind attributemanifest, or of a plain mapping of name to type."""
    content: Mapping[str, Any] = document.value
    place: tuple[str, ...] = ()
    for step in ("spec", "attributes"):
        if isinstance(content.get(step), Mapping):
            content, place = content[step], (*place, step)
    types: dict[str, ValueType] = {}
    for name, info in content.items():
        path: tuple[str, ...] = (*place, name)
        if isinstance(info, Mapping):
            field = next((one for one in ("valueType", "value_type") if one in info), "valueType")
            path, info = (*path, field), info.get(field)
        try:
            types[name] = ValueType.from_name(str(info))
        except ValueError:
            position = document.position(path)
            raise ConfigError(
                "is not a value type", position=position, field=name, value=info, accepted=TYPE_NAMES
            ) from None
    return types
