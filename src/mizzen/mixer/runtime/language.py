"""In which language the expressions of a resource are."""

from __future__ import annotations

from mizzen.config.errors import ConfigError
from mizzen.config.resource import Resource

ANNOTATION = "policy.istio.io/lang"
"""By this Istio chose a CEL of its own for a rule or an instance."""

_ELSEWHERE = frozenset(["CEL", "COMPAT"])


def refused_language(resource: Resource) -> list[ConfigError]:
    """The fault of asking for Istio's CEL: read as anything else, a policy could mean something else."""
    asked = resource.annotations.get(ANNOTATION, "")
    if asked not in _ELSEWHERE:
        return []
    accepted = "spec.language: cel, where an absent attribute is an error instead of a default value"
    path = ("metadata", "annotations", ANNOTATION)
    return [resource.error(path, "is not a language of this Mixer", value=asked, accepted=accepted)]
