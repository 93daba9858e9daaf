"""Resources: documents in YAML, the store that watches them, and errors that name file and line.

Words: a *document* is one YAML document with the position of every field; a *resource* is a document in kubectl
shape (`kind`, `metadata`, `spec`); its *key* is `<name>.<kind>.<namespace>`; a *spec model* is the pydantic class
that a kind's `spec` is decoded into; a *store* yields the resources and the errors of one moment.

Read next: `documents` (text to documents), `resource` (documents to resources), `spec` (spec to models),
`kinds` (the generic kinds of the Mixer), `store` (a directory, with last good state and watch).
"""

from mizzen.config.documents import Document, parse_documents
from mizzen.config.duration import DurationNs, format_duration, parse_duration
from mizzen.config.errors import ConfigError
from mizzen.config.paths import Path
from mizzen.config.position import Position
from mizzen.config.resource import Resource, read_resources
from mizzen.config.spec import SpecModel, decode_spec, invalid
from mizzen.config.store import FileStore, StoreState

__all__ = [
    "ConfigError",
    "Document",
    "DurationNs",
    "FileStore",
    "Path",
    "Position",
    "Resource",
    "SpecModel",
    "StoreState",
    "decode_spec",
    "format_duration",
    "invalid",
    "parse_documents",
    "parse_duration",
    "read_resources",
]
