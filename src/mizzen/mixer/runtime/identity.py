"""The namespace on whose behalf a request is judged: it selects the rules beside those of the default namespace."""

from __future__ import annotations

from mizzen.mixer.expr import AttributeSource

_NAMESPACE_ATTRIBUTE = {"inbound": "destination.namespace", "outbound": "source.namespace"}
_KIND = "context.reporter.kind"
NAMESPACE_ATTRIBUTES = (_KIND, *_NAMESPACE_ATTRIBUTE.values())
"""What `identity_namespace` may look up."""


def identity_namespace(bag: AttributeSource) -> str:
    """The namespace of the reporting side; empty when it is not known, and then only the default rules apply.

    Both look-ups are tracked, so every answer lists them among its referenced attributes, as Istio's Mixer does.
    """
    kind = bag.get(_KIND)
    attribute = _NAMESPACE_ATTRIBUTE.get(kind if isinstance(kind, str) else "inbound")
    if attribute is None:
        return ""
    namespace = bag.get(attribute)
    return namespace if isinstance(namespace, str) else ""
