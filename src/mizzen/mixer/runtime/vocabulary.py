"""The attributes of a snapshot: the built-in ones, those of the manifests, and the outputs of generators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mizzen.config.errors import ConfigError
from mizzen.config.kinds import AttributeManifest
from mizzen.config.resource import Resource
from mizzen.mixer.expr import BUILTIN, ValueType, Vocabulary
from mizzen.mixer.templates import Template, Variety


def output_prefix(template: Template) -> str:
    """What stands before the name of an output of a built-in generator, as in Istio's Mixer."""
    return f"adapter_template_{template.name}.output."


def build_vocabulary(
    manifests: Iterable[tuple[Resource, AttributeManifest]], templates: Iterable[Template]
) -> tuple[Vocabulary, list[ConfigError]]:
    """One table of all attributes. Where two declarations disagree the first one counts, in the order of keys."""
    types: dict[str, ValueType] = dict(BUILTIN)
    for template in templates:
        if template.variety is Variety.ATTRIBUTE_GENERATOR:
            types |= {output_prefix(template) + name: type_ for name, type_ in template.outputs.items()}
    origin: dict[str, str] = {}
    errors: list[ConfigError] = []
    for resource, manifest in manifests:
        for name, info in manifest.attributes.items():
            declared = ValueType.from_name(info.value_type.name)
            if types.setdefault(name, declared) is declared:
                origin.setdefault(name, resource.key)
            else:
                errors.append(_clash(resource, name, types, origin))
    return Vocabulary(types), errors


def _clash(resource: Resource, name: str, types: Mapping[str, ValueType], origin: Mapping[str, str]) -> ConfigError:
    reason = f"is declared otherwise by {origin.get(name, 'the built-in vocabulary')}, which counts"
    path = ("spec", "attributes", name, "value_type")
    return resource.error(path, reason, accepted=str(types[name]))
