"""What expressions may say: which attributes exist and of what type, and the language the expressions are in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import Enum

from .values import ValueType


class Language(Enum):
    """The attribute language of Istio's Mixer, or CEL."""

    CEXL = "cexl"
    CEL = "cel"


class Vocabulary(Mapping[str, ValueType]):
    """An immutable map from attribute name to type, and the language. Equal vocabularies compare and hash equal."""

    __slots__ = ("_hash", "_spoken", "_types", "language")

    def __init__(self, types: Mapping[str, ValueType], language: Language = Language.CEXL) -> None:
        self._types = dict(types)
        self._hash: int | None = None
        self.language = language
        self._spoken: dict[Language, Vocabulary] = {}

    def __getitem__(self, name: str) -> ValueType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.language, frozenset(self._types.items())))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Vocabulary):
            return self.language is other.language and self._types == other._types
        return NotImplemented

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} attributes)"

    def names(self) -> frozenset[str]:
        return frozenset(self._types)

    def extended(self, types: Mapping[str, ValueType]) -> Vocabulary:
        """A vocabulary with these added; a type given here wins over one of the same name."""
        return Vocabulary({**self._types, **types}, self.language)

    def spoken_in(self, language: Language) -> Vocabulary:
        """The same attributes, for expressions in that language."""
        if language is self.language:
            return self
        if language not in self._spoken:
            self._spoken[language] = Vocabulary(self._types, language)
        return self._spoken[language]

    def advice(self, name: str) -> str:
        """What a user who wrote an unknown name may have meant, as the end of a sentence; empty without an idea."""
        prefix = name
        while "." in prefix:
            prefix, _, _ = prefix.rpartition(".")
            if self._types.get(prefix) is ValueType.STRING_MAP:
                return f'; {prefix} is a STRING_MAP: write {prefix}["{name[len(prefix) + 1 :]}"]'
        close = get_close_matches(name, self._types, n=1, cutoff=0.7)
        return f"; did you mean {close[0]}?" if close else ""


def typed(kind: ValueType, names: str) -> dict[str, ValueType]:
    return dict.fromkeys(names.split(), kind)


ISTIO_PROXY = {
    **typed(
        ValueType.STRING,
        """
        origin.uid origin.user
        request.id request.host request.method request.path request.url_path request.reason request.referer
        request.scheme request.useragent request.api_key
        request.auth.principal request.auth.audiences request.auth.presenter request.auth.raw_claims
        response.grpc_status response.grpc_message
        source.uid source.user source.principal source.service
        destination.uid destination.user destination.principal destination.service
        connection.event connection.id connection.requested_server_name
        context.protocol context.proxy_error_code context.proxy_version context.reporter.kind context.reporter.uid
        api.service api.version api.operation api.protocol
        rbac.permissive.response_code rbac.permissive.effective_policy_id
        check.error_message
        """,
    ),
    **typed(
        ValueType.INT64,
        """
        request.size request.total_size response.code response.size response.total_size
        source.port destination.port
        connection.received.bytes connection.received.bytes_total connection.sent.bytes connection.sent.bytes_total
        check.error_code
        """,
    ),
    **typed(ValueType.BOOL, "connection.mtls context.reporter.local check.cache_hit quota.cache_hit"),
    **typed(ValueType.TIMESTAMP, "request.time response.time context.timestamp context.time"),
    **typed(ValueType.DURATION, "response.duration connection.duration"),
    **typed(ValueType.IP_ADDRESS, "origin.ip"),
    **typed(
        ValueType.STRING_MAP,
        """
        request.headers request.query_params request.auth.claims response.headers
        envoy.filters.network.mongo_proxy envoy.filters.http.rbac envoy.filters.http.jwt_authn
        """,
    ),
}
"""What the proxy itself reports, TCP and HTTP; maps named after Envoy filters are those filters' dynamic metadata."""

KUBERNETES = {
    **typed(ValueType.IP_ADDRESS, "source.ip destination.ip"),
    **typed(ValueType.STRING_MAP, "source.labels source.metadata destination.labels destination.metadata"),
    **typed(
        ValueType.STRING,
        """
        source.name source.namespace source.owner source.serviceAccount source.services source.mesh.id
        source.workload.uid source.workload.name source.workload.namespace
        destination.name destination.namespace destination.owner destination.serviceAccount destination.mesh.id
        destination.container.name destination.container.image
        destination.service.uid destination.service.name destination.service.namespace destination.service.host
        destination.workload.uid destination.workload.name destination.workload.namespace
        """,
    ),
}
"""What the nodes of a mesh and the attribute generators say about both ends of a connection."""

BUILTIN = Vocabulary({**ISTIO_PROXY, **KUBERNETES})
"""The attributes that need no manifest: those of Istio 1.4's default manifests and all that the filters send."""
