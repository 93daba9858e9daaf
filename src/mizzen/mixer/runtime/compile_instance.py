"""One instance: its template, its expressions and, for a generator, what its outputs are bound to."""

from __future__ import annotations

from collections.abc import Mapping

from mizzen.config.errors import ConfigError
from mizzen.config.kinds import Instance
from mizzen.config.paths import Path
from mizzen.config.resource import Resource
from mizzen.config.spec import decode_spec
from mizzen.mixer.expr import Expression, ExpressionError, Language, Vocabulary, compile_expression
from mizzen.mixer.runtime import inventory as kinds
from mizzen.mixer.runtime.configured import InstanceConfig, problem_error
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.language import refused_language
from mizzen.mixer.runtime.outcome import Attempt
from mizzen.mixer.runtime.vocabulary import output_prefix
from mizzen.mixer.templates import InstanceCompileError, Template, Variety

_OUT = "$out."
_BINDINGS = ("attribute_bindings", "attributeBindings")


def template_of(resource: Resource) -> object:
    """The name of the template that the resource asks for, as it is written."""
    if resource.kind != kinds.INSTANCE:
        return resource.kind
    spec = resource.spec
    return spec.get("compiledTemplate", spec.get("compiled_template"))


def compile_instance(resource: Resource, inventory: Inventory, vocabulary: Vocabulary) -> Attempt[InstanceConfig]:
    """The instance, or every fault of it; of the templates it depends on the one that is named."""
    refused = refused_language(resource)
    if refused:
        return None, refused
    if resource.kind != kinds.INSTANCE:
        return _legacy(resource, inventory.templates[resource.kind], vocabulary)
    spec, faults = decode_spec(Instance, resource.spec, resource)
    if spec is None:
        return None, faults
    template = inventory.templates.get(spec.compiled_template)
    if template is None:
        path, known = ("spec", "compiledTemplate"), ", ".join(sorted(inventory.templates))
        reason = "missing compiled template"
        return None, [resource.error(path, reason, value=spec.compiled_template, accepted=known)]
    spoken = vocabulary.spoken_in(Language(spec.language))
    return _compile(resource, template, spoken, spec.params, ("spec", "params"), spec.attribute_bindings)


def _legacy(resource: Resource, template: Template, vocabulary: Vocabulary) -> Attempt[InstanceConfig]:
    if template.variety is not Variety.ATTRIBUTE_GENERATOR:
        return _compile(resource, template, vocabulary, resource.spec, ("spec",), {})
    params = {name: value for name, value in resource.spec.items() if name not in _BINDINGS}
    holder = {name: value for name, value in resource.spec.items() if name in _BINDINGS}
    spec, faults = decode_spec(Instance, {"compiled_template": template.name, **holder}, resource)
    if spec is None:
        return None, faults
    return _compile(resource, template, vocabulary, params, ("spec",), spec.attribute_bindings)


def _compile(
    resource: Resource,
    template: Template,
    vocabulary: Vocabulary,
    params: Mapping[str, object],
    path: Path,
    bindings: Mapping[str, str],
) -> Attempt[InstanceConfig]:
    faults: list[ConfigError] = []
    try:
        builder = template.compile(resource.key, params, vocabulary)
    except InstanceCompileError as error:
        return None, [problem_error(resource, path, problem) for problem in error.problems]
    compiled = {name: _binding(resource, template, vocabulary, name, text, faults) for name, text in bindings.items()}
    if faults:
        return None, faults
    bound = {name: expression for name, expression in compiled.items() if expression is not None}
    return InstanceConfig(resource, template, builder, bound), []


def _binding(
    resource: Resource, template: Template, vocabulary: Vocabulary, name: str, text: str, faults: list[ConfigError]
) -> Expression | None:
    """One attribute binding: `$out.x` names an output of the template, any other name is an attribute."""
    path = ("spec", "attribute_bindings", name)
    if template.variety is not Variety.ATTRIBUTE_GENERATOR:
        faults.append(resource.error(path, f"is a binding, but template {template.name} has no outputs", key=True))
        return None
    if name not in vocabulary:
        faults.append(resource.error(path, "is not a known attribute", key=True, accepted="a declared attribute"))
        return None
    expected, prefix = vocabulary[name], output_prefix(template)
    replaced = text.replace(_OUT, prefix)
    try:
        return compile_expression(replaced, vocabulary, expected)
    except ExpressionError as error:
        reason = f"does not compile at {_as_written(error, replaced, prefix)}"
        faults.append(resource.error(path, reason, value=text, accepted=f"an expression of type {expected}"))
        return None


def _as_written(error: ExpressionError, replaced: str, prefix: str) -> str:
    """Place and message in terms of the text before its outputs were given their full names."""
    line = replaced.split("\n")[error.line - 1]
    before = line[: error.column - 1].count(prefix)
    column = error.column - before * (len(prefix) - len(_OUT))
    message = error.message.replace(f"${prefix}", _OUT).replace(prefix, _OUT)
    return f"{error.line}:{column}: {message}"
