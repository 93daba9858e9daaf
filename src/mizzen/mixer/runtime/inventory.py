"""The templates and adapters a Mixer knows, and the kinds of resources that follow from them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from mizzen.config.resource import GROUP, Resource
from mizzen.mixer.adapters import ADAPTERS, Adapter
from mizzen.mixer.templates import TEMPLATES, Template

MANIFEST, HANDLER, INSTANCE, RULE = "attributemanifest", "handler", "instance", "rule"
GENERIC_KINDS = (MANIFEST, HANDLER, INSTANCE, RULE)

PROXY_KINDS = frozenset(["QuotaSpec", "QuotaSpecBinding", "HTTPAPISpec", "HTTPAPISpecBinding"])
"""Kinds of the same API group that are read by the proxy's side."""


OUT_OF_PROCESS_KINDS = frozenset(["adapter", "template"])
"""Kinds that declare Istio's adapters out of process, which this Mixer does not call."""


@dataclass(frozen=True)
class Inventory:
    """What is compiled in. Adapter and template names are the legacy kinds of handlers and instances."""

    adapters: Mapping[str, type[Adapter]] = field(default_factory=lambda: ADAPTERS)
    templates: Mapping[str, Template] = field(default_factory=lambda: TEMPLATES)

    def is_known(self, kind: str) -> bool:
        return kind in GENERIC_KINDS or kind in self.adapters or kind in self.templates

    def is_for_others(self, resource: Resource) -> bool:
        """Whether the resource is none of the Mixer's business: a kind of the proxy's side or of another API group.

        A kind of the Mixer's is the Mixer's whatever its `apiVersion` says, as for the original: a slip of the pen
        there must not switch a policy off.
        """
        return resource.kind in PROXY_KINDS or (resource.group != GROUP and not self.is_known(resource.kind))

    def nearest_kind(self, kind: str) -> str:
        """The advice for a kind that is not known."""
        if kind in OUT_OF_PROCESS_KINDS:
            return "an adapter in Python, loaded with --adapter-dir, instead of one out of process"
        known = [*GENERIC_KINDS, *sorted(self.adapters), *sorted(self.templates)]
        close = difflib.get_close_matches(kind.lower(), known, 1)
        return f"did you mean {close[0]}?" if close else ", ".join(known)
