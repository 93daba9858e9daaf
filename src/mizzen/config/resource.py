"""Documents in kubectl shape to resources.

The head of a document (`apiVersion`, `kind`, `metadata`) is checked here; what stands in `spec` is checked by the
owner of the kind. `metadata.namespace` may be left out in files and then is the default configuration namespace.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mizzen.config.documents import Document
from mizzen.config.errors import NO_VALUE, ConfigError
from mizzen.config.paths import Path, render_path
from mizzen.config.position import Position

DEFAULT_NAMESPACE = "istio-system"
GROUP = "config.istio.io"

_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA = ("name", "namespace", "labels", "annotations")
_WRITTEN_BY_KUBERNETES = (
    "clusterName", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
    "generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_NAME_ACCEPTED = "letters, digits, '-', '_' and '.', starting and ending with a letter or digit"
_LONGEST_NAME = 253


@dataclass(frozen=True)
class Resource:
    """One object of configuration as it was written; immutable, compared by content and not by place.

    Equal resources read alike everywhere: `1`, `1.0` and `true` differ, and so does the order of fields.
    """

    kind: str
    name: str
    namespace: str
    spec: Mapping[str, Any]
    api_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    document: Document | None = field(default=None, repr=False, compare=False)

    @cached_property
    def key(self) -> str:
        """The canonical name, `<name>.<kind>.<namespace>`."""
        return f"{self.name}.{self.kind}.{self.namespace}"

    @cached_property
    def canonical(self) -> str:
        """Key and spec as JSON, the same for every order of fields."""
        return json.dumps([self.key, self.spec], sort_keys=True, default=str)

    @property
    def group(self) -> str:
        """The API group; that of the Mixer's kinds where `apiVersion` is left out."""
        return self.api_version.split("/")[0] if self.api_version else GROUP

    @property
    def position(self) -> Position | None:
        return self.document.position() if self.document else None

    def moved(self, first_line: int) -> Resource:
        """The same resource where its document's text begins on another line. One line more at the top of a file moves
        thousands of them, so nothing is computed again."""
        moved = object.__new__(Resource)
        vars(moved).update(vars(self), document=self.document and self.document.moved(first_line))
        return moved

    def error(
        self, path: Path, reason: str, *, value: object = NO_VALUE, accepted: str = "", key: bool = False
    ) -> ConfigError:
        """An error at `path`, with its position when that is known.

        Fields of the path may be in either spelling; the error has the one that is written.
        """
        path = self.document.as_written(path) if self.document else path
        position = self.document.position(path, key=key) if self.document else None
        error = ConfigError(
            reason, position=position, resource=self.key, field=render_path(path), value=value, accepted=accepted
        )
        error.path, error.at_key = path, key
        return error

    def located(self, error: ConfigError) -> ConfigError:
        """`error`, which is about an equal resource, where its field stands in this one."""
        if error.path is None:
            return error
        return self.error(error.path, error.reason, value=error.value, accepted=error.accepted, key=error.at_key)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Resource)
            and self.key == other.key
            and self.api_version == other.api_version
            and _reads_alike(self.spec, other.spec)
            and _reads_alike(self.labels, other.labels)
            and _reads_alike(self.annotations, other.annotations)
        )

    def __hash__(self) -> int:
        return hash(self.key)


def _reads_alike(one: object, other: object) -> bool:
    if one is other:
        return True
    if one.__class__ is not other.__class__:
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        if len(one) != len(other):
            return False
        pairs = zip(one.items(), other.items(), strict=True)
        return all(name == named and _reads_alike(value, given) for (name, value), (named, given) in pairs)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_reads_alike, one, other))
    return one == other


def read_resources(
    documents: Iterable[Document], default_namespace: str = DEFAULT_NAMESPACE
) -> tuple[list[Resource], list[ConfigError]]:
    """The resources of `documents` and every fault of their heads; a faulty document gives no resource.

    A `kind: List`, as kubectl prints several resources, gives each of them. Resources of other API groups may have any
    shape: those that do not look like the Mixer's own are passed over.
    """
    resources: list[Resource] = []
    errors: list[ConfigError] = []
    for document in (entry for one in documents for entry in one.entries()):
        head = _Head(document, default_namespace)
        resource = head.read()
        if not head.errors and resource is not None:
            resources.append(resource)
        elif not _is_of_another_group(document.value):
            errors += head.errors
    return resources, errors


def _is_of_another_group(value: object) -> bool:
    version = value.get("apiVersion") if isinstance(value, dict) else None
    return isinstance(version, str) and version.split("/")[0] not in ("", GROUP)


class _Head:
    """Reads the head of one document and collects its faults."""

    def __init__(self, document: Document, default_namespace: str) -> None:
        self.document = document
        self.default_namespace = default_namespace
        self.errors: list[ConfigError] = []

    def read(self) -> Resource | None:
        top = self.document.value
        if not isinstance(top, dict) or not top.keys() & {"apiVersion", "kind", "metadata"}:
            self.fault((), "is not a resource", accepted="a mapping with kind, metadata and spec")
            return None
        self.refuse_unknown(top, (), _TOP)
        metadata = self.mapping(top, "metadata", required=True)
        self.refuse_unknown(metadata, ("metadata",), _METADATA, _WRITTEN_BY_KUBERNETES)
        spec = self.mapping(top, "spec", required=False)
        return Resource(
            kind=self.text(top, ("kind",), required=True),
            name=self.name(metadata, "name", required=True),
            namespace=self.name(metadata, "namespace", required=False) or self.default_namespace,
            spec=spec,
            api_version=self.text(top, ("apiVersion",), required=False),
            labels=self.texts(metadata, "labels"),
            annotations=self.texts(metadata, "annotations"),
            document=self.document,
        )

    def fault(
        self, path: Path, reason: str, *, value: object = NO_VALUE, accepted: str = "", key: bool = False
    ) -> None:
        position = self.document.position(path, key=key)
        error = ConfigError(reason, position=position, field=render_path(path), value=value, accepted=accepted)
        self.errors.append(error)

    def refuse_unknown(
        self, mapping: Mapping[str, Any], path: Path, known: tuple[str, ...], ignored: tuple[str, ...] = ()
    ) -> None:
        for name in mapping:
            if name not in known and name not in ignored:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {close[0]}?" if close else ", ".join(known)
                self.fault((*path, name), "is not a known field", accepted=hint, key=True)

    def mapping(self, top: Mapping[str, Any], name: str, *, required: bool) -> Mapping[str, Any]:
        value = top.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.fault((name,), "is not a mapping", value=value, accepted="a mapping")
        elif required:
            self.fault((), f"has no {name}", accepted="metadata with a name")
        return {}

    def text(self, mapping: Mapping[str, Any], path: Path, *, required: bool) -> str:
        value = mapping.get(str(path[-1]))
        if isinstance(value, str) and value:
            return value
        if value is not None:
            self.fault(path, "is not a text", value=value, accepted="a text that is not empty")
        elif required:
            self.fault(path[:-1], f"has no {path[-1]}", accepted="kind, metadata.name and spec")
        return ""

    def name(self, metadata: Mapping[str, Any], field_name: str, *, required: bool) -> str:
        if not isinstance(self.document.value.get("metadata"), dict):
            return ""  # said already
        before = len(self.errors)
        value = self.text(metadata, ("metadata", field_name), required=required)
        valid = len(value) <= _LONGEST_NAME and _NAME.fullmatch(value)
        if len(self.errors) == before and value and not valid:
            self.fault(("metadata", field_name), "is not a name", value=value, accepted=_NAME_ACCEPTED)
        return value

    def texts(self, metadata: Mapping[str, Any], field_name: str) -> Mapping[str, str]:
        value = metadata.get(field_name)
        if value is None:
            return {}
        if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
            return value
        self.fault(("metadata", field_name), "is not a map of texts", value=value, accepted="texts by name")
        return {}
