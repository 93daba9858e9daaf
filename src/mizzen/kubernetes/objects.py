"""What every Kubernetes object has, read from JSON that may be anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def key_of(data: Any) -> str:
    """`<name>.<namespace>`, which tells objects of one kind apart; ValueError for what is no object."""
    metadata = map_of(map_of(data).get("metadata"))
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not isinstance(namespace, str) or not name:
        raise ValueError("an object has no name or no namespace")
    return f"{name}.{namespace}"


def map_of(value: Any) -> Mapping[str, Any]:
    """`value`, or nothing where it is no map."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text_of(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
