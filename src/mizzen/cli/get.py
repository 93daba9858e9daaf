"""`mizzen get` and `mizzen describe`: the resources that a running Mixer has in force."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mizzen.cli.outcome import EXIT_FAILED, EXIT_USAGE, fail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Server = Annotated[
    str, typer.Option("--server", "-s", metavar="URL", envvar="MIZZEN_SERVER", help="The Mixer's monitoring port.")
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Only this namespace; default: all.")]
DEFAULT_SERVER = "http://127.0.0.1:15014"


class Output(Enum):
    TABLE = "table"
    WIDE = "wide"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"


def get(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="rule, handler, instance, … ; default: all.")] = "",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="One resource; KIND/NAME is possible too.")] = "",
    server: Server = DEFAULT_SERVER,
    namespace: Namespace = "",
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TABLE,
) -> None:
    """List the resources that a running Mixer has, each with its status.

    Of a resource whose newest version is faulty the last good one is shown, with the status `kept`. The exit status is
    1 when the Mixer cannot be asked or a named resource is not there.
    """
    kind, name = split(kind, name)
    items = fetch("get", server, kind, name, namespace)
    if output is Output.JSON:
        result = items[0] if name and len(items) == 1 else {"kind": "List", "items": items}
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    elif output is Output.YAML:
        typer.echo(as_yaml(items), nl=False)
    elif output is Output.NAME:
        for item in items:
            typer.echo(f"{item['kind']}/{item['metadata']['name']}")
    elif items:
        typer.echo("\n".join(rows(items, wide=output is Output.WIDE)))


def describe(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="rule, handler, instance, …")],
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The resource; KIND/NAME is possible too.")] = "",
    server: Server = DEFAULT_SERVER,
    namespace: Namespace = "",
) -> None:
    """Show everything about the resources of a kind, or about one.

    That is where it stands, the specification in force, what uses it and its faults. The exit status is 1 when the
    Mixer cannot be asked or there is no such resource.
    """
    kind, name = split(kind, name)
    items = fetch("describe", server, kind, name, namespace)
    if not items:
        raise typer.Exit(EXIT_FAILED)
    typer.echo("\n\n".join(description(item) for item in items))


def split(kind: str, name: str) -> tuple[str, str]:
    """`rule/x` means kind and name."""
    if "/" in kind and not name:
        kind, _, name = kind.partition("/")
    return kind, name


def fetch(verb: str, server: str, kind: str, name: str, namespace: str) -> list[Mapping[str, Any]]:
    from mizzen.client.monitoring import MonitoringError, known_kinds, read_json, select

    try:
        items: Sequence[Mapping[str, Any]] = read_json(server, "/resources")["items"]
    except ValueError as error:
        fail(verb, f"--server {error}", EXIT_USAGE)
    except MonitoringError as error:
        fail(verb, str(error), EXIT_FAILED)
    except KeyError:
        fail(verb, f"{server}: is not a Mixer's monitoring port", EXIT_FAILED)
    found = select(items, "" if kind == "all" else kind, name, namespace)
    if name and not found:
        place = f" in namespace {namespace}" if namespace else ""
        fail(verb, f"{kind} {name} not found{place}", EXIT_FAILED)
    if not found:
        typer.echo(f"No resources found; there are: {', '.join(known_kinds(items)) or 'none at all'}.", err=True)
    return found


def rows(items: Sequence[Mapping[str, Any]], *, wide: bool) -> list[str]:
    from mizzen.client.show import table

    header = ["NAMESPACE", "KIND", "NAME", "STATUS", "FAULTS", "SUMMARY"]
    lines = [header + (["USED BY", "FILE"] if wide else [])]
    for item in items:
        status, metadata = item["status"], item["metadata"]
        line = [
            metadata["namespace"],
            item["kind"],
            metadata["name"],
            state(status),
            str(len(status["errors"])),
            shorten(summary(item), 200 if wide else 60),
        ]
        if wide:
            line += [", ".join(status.get("usedBy", ())), f"{status['file']}:{status['line']}"]
        lines.append(line)
    return table(lines)


def state(status: Mapping[str, Any]) -> str:
    """The status, and of a handler whether it runs."""
    if status.get("quarantined"):
        return f"{status['state']}, quarantined"
    return f"{status['state']}, unused" if status.get("running") is False and not status["usedBy"] else status["state"]


def summary(item: Mapping[str, Any]) -> str:
    """What tells a resource from others of its kind: a rule's condition, an adapter, a template."""
    spec, role = item["spec"], item["status"]["role"]
    if role == "rule":
        return str(spec.get("match") or "always")
    if role == "attributemanifest":
        return f"{len(spec.get('attributes') or ())} attributes"
    for name in ("compiledAdapter", "compiled_adapter", "compiledTemplate", "compiled_template"):
        if name in spec:
            return str(spec[name])
    return str(item["kind"])


def description(item: Mapping[str, Any]) -> str:
    status, metadata = item["status"], item["metadata"]
    pairs = [
        ("Name", metadata["name"]),
        ("Namespace", metadata["namespace"]),
        ("Kind", item["kind"]),
        ("API version", item["apiVersion"]),
        ("Status", state(status) + (": the last good version is in force" if status["state"] == "kept" else "")),
        ("File", f"{status['file']}:{status['line']}"),
    ]
    pairs += [(field.capitalize(), _pairs(metadata[field])) for field in ("labels", "annotations") if field in metadata]
    if "usedBy" in status:
        pairs.append(("Used by", ", ".join(status["usedBy"]) or "nothing"))
    lines = [f"{name + ':':<14}{text}" for name, text in pairs]
    lines.append("Spec:")
    lines += [f"  {line}" for line in to_yaml(item["spec"]).splitlines()]
    if not status["errors"]:
        return "\n".join([*lines, f"{'Faults:':<14}none"])
    lines.append("Faults:")
    for error in status["errors"]:
        value = f"{error['value']} " if "value" in error else ""
        place = f"{error['file']}:{error['line']}:{error['column']}"
        lines.append(f"  {error['field']}: {value}{error['reason']}")
        lines.append(f"    at {place}" + (f"; accepted: {error['accepted']}" if error["accepted"] else ""))
    return "\n".join(lines)


def as_yaml(items: Sequence[Mapping[str, Any]]) -> str:
    """Documents that a Mixer would read again; `status` is what it reports, and it passes it over."""
    return "---\n".join(to_yaml(item) for item in items)


def to_yaml(value: object) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)


def shorten(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _pairs(mapping: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in mapping.items())
