"""Resources to compiled configuration, one resource at a time and tolerant.

A resource that does not compile is reported and replaced by its last good version, compiled against today's
vocabulary and references; without one, whatever of it is in order is used. Everything else goes on. Resources are
visited in the order of their keys, so the result depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from mizzen.config.errors import ConfigError
from mizzen.config.kinds import AttributeManifest, Handler, Instance
from mizzen.config.paths import Path
from mizzen.config.resource import Resource
from mizzen.config.spec import decode_spec
from mizzen.mixer.adapters import Adapter
from mizzen.mixer.expr import BUILTIN, Expression, ExpressionError, Vocabulary, compile_expression
from mizzen.mixer.runtime import inventory as kinds
from mizzen.mixer.runtime.compile_rule import compile_rule
from mizzen.mixer.runtime.configured import Compiled, HandlerConfig, InstanceConfig, problem_error
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.names import handler_name
from mizzen.mixer.runtime.vocabulary import build_vocabulary, output_prefix
from mizzen.mixer.templates import InstanceCompileError, Template, Variety

_BINDINGS = ("attribute_bindings", "attributeBindings")
Output = TypeVar("Output")
Outcome = tuple[Output | None, Sequence[ConfigError]]


def compile_resources(
    resources: Mapping[str, Resource], inventory: Inventory, previous: Compiled | None = None
) -> tuple[Compiled, list[ConfigError]]:
    """Everything compiled, and every fault. `previous` is where last good versions come from."""
    return _Compilation(resources, inventory, previous.good if previous else {}).run()


class _Compilation:
    def __init__(self, resources: Mapping[str, Resource], inventory: Inventory, before: Mapping[str, Resource]) -> None:
        self.resources = [resources[key] for key in sorted(resources) if not inventory.is_for_others(resources[key])]
        self.inventory = inventory
        self.before = before
        self.vocabulary = Vocabulary(BUILTIN)
        self.errors: list[ConfigError] = []
        self.good: dict[str, Resource] = {}
        self.kept: set[str] = set()
        self.left_out: set[str] = set()

    def run(self) -> tuple[Compiled, list[ConfigError]]:
        self._refuse_unknown_kinds()
        manifests = self._each(self._of(kinds.MANIFEST), self._manifest)
        self.vocabulary, clashes = build_vocabulary(
            ((self.good[key], manifest) for key, manifest in manifests.items()), self.inventory.templates.values()
        )
        self.errors += clashes
        handlers = self._each(self._of(kinds.HANDLER, *self.inventory.adapters), self._handler)
        instances = self._each(self._of(kinds.INSTANCE, *self.inventory.templates), self._instance)
        rules = self._each(
            self._of(kinds.RULE), lambda resource: compile_rule(resource, handlers, instances, self.vocabulary)
        )
        compiled = Compiled(
            self.vocabulary, handlers, instances, rules, self.good, frozenset(self.kept), frozenset(self.left_out)
        )
        return compiled, sorted(self.errors, key=lambda error: (error.file, error.line, error.column))

    def _of(self, *wanted: str) -> Iterable[Resource]:
        return [resource for resource in self.resources if resource.kind in wanted]

    def _refuse_unknown_kinds(self) -> None:
        for resource in self.resources:
            if not self.inventory.is_known(resource.kind):
                advice = self.inventory.nearest_kind(resource.kind)
                self.errors.append(
                    resource.error(("kind",), "is not a known kind", value=resource.kind, accepted=advice)
                )
                self.left_out.add(resource.key)

    def _each(
        self, resources: Iterable[Resource], compile_one: Callable[[Resource], Outcome[Output]]
    ) -> dict[str, Output]:
        """Compiles each resource, falling back to its last good version and then to what can be used of it."""
        compiled: dict[str, Output] = {}
        for resource in resources:
            output, faults = compile_one(resource)
            self.errors += faults
            if not faults:
                self.good[resource.key] = resource
            else:
                earlier = self._last_good(resource, compile_one)
                if earlier is None:
                    self.left_out.add(resource.key)
                else:
                    output = earlier
            if output is not None:
                compiled[resource.key] = output
        return compiled

    def _last_good(self, resource: Resource, compile_one: Callable[[Resource], Outcome[Output]]) -> Output | None:
        version = self.before.get(resource.key)
        if version is None:
            return None
        self.good[resource.key] = version  # stays the last good one, also while something it refers to is missing
        if version == resource:
            return None
        output, faults = compile_one(version)
        if faults or output is None:
            return None
        self.kept.add(resource.key)
        return output

    def _manifest(self, resource: Resource) -> Outcome[AttributeManifest]:
        return decode_spec(AttributeManifest, resource.spec, resource)

    def _handler(self, resource: Resource) -> Outcome[HandlerConfig]:
        if resource.kind != kinds.HANDLER:
            return self._decode_params(resource, self.inventory.adapters[resource.kind], resource.spec, ("spec",))
        spec, faults = decode_spec(Handler, resource.spec, resource)
        if spec is None:
            return None, faults
        adapter = self.inventory.adapters.get(spec.compiled_adapter)
        if adapter is None:
            path, known = ("spec", "compiledAdapter"), ", ".join(sorted(self.inventory.adapters))
            fault = resource.error(path, "is not a known adapter", value=spec.compiled_adapter, accepted=known)
            return None, [fault]
        config, found = self._decode_params(resource, adapter, spec.params, ("spec", "params"))
        return config and replace(config, calls=spec.calls, quarantine=spec.quarantine), found

    def _decode_params(
        self, resource: Resource, adapter: type[Adapter], params: Mapping[str, object], path: Path
    ) -> Outcome[HandlerConfig]:
        decoded, faults = decode_spec(adapter.Params, params, resource, path)
        if decoded is None:
            return None, faults
        name = handler_name(resource.name, resource.kind, resource.namespace)
        return HandlerConfig(resource, name, adapter, decoded, path), []

    def _instance(self, resource: Resource) -> Outcome[InstanceConfig]:
        if resource.kind != kinds.INSTANCE:
            return self._legacy_instance(resource)
        spec, faults = decode_spec(Instance, resource.spec, resource)
        if spec is None:
            return None, faults
        template = self.inventory.templates.get(spec.compiled_template)
        if template is None:
            path, known = ("spec", "compiledTemplate"), ", ".join(sorted(self.inventory.templates))
            reason = "missing compiled template"
            return None, [resource.error(path, reason, value=spec.compiled_template, accepted=known)]
        return self._compile_instance(resource, template, spec.params, ("spec", "params"), spec.attribute_bindings)

    def _legacy_instance(self, resource: Resource) -> Outcome[InstanceConfig]:
        template = self.inventory.templates[resource.kind]
        if template.variety is not Variety.ATTRIBUTE_GENERATOR:
            return self._compile_instance(resource, template, resource.spec, ("spec",), {})
        params = {name: value for name, value in resource.spec.items() if name not in _BINDINGS}
        holder = {name: value for name, value in resource.spec.items() if name in _BINDINGS}
        spec, faults = decode_spec(Instance, {"compiled_template": template.name, **holder}, resource)
        if spec is None:
            return None, faults
        return self._compile_instance(resource, template, params, ("spec",), spec.attribute_bindings)

    def _compile_instance(
        self,
        resource: Resource,
        template: Template,
        params: Mapping[str, object],
        path: Path,
        bindings: Mapping[str, str],
    ) -> Outcome[InstanceConfig]:
        faults: list[ConfigError] = []
        try:
            builder = template.compile(resource.key, params, self.vocabulary)
        except InstanceCompileError as error:
            return None, [problem_error(resource, path, problem) for problem in error.problems]
        compiled = {name: self._binding(resource, template, name, text, faults) for name, text in bindings.items()}
        if faults:
            return None, faults
        bound = {name: expression for name, expression in compiled.items() if expression is not None}
        return InstanceConfig(resource, template, builder, bound), []

    def _binding(
        self, resource: Resource, template: Template, name: str, text: str, faults: list[ConfigError]
    ) -> Expression | None:
        """One attribute binding: `$out.x` names an output of the template, any other name is an attribute."""
        path = ("spec", "attribute_bindings", name)
        if template.variety is not Variety.ATTRIBUTE_GENERATOR:
            faults.append(resource.error(path, f"is a binding, but template {template.name} has no outputs", key=True))
            return None
        if name not in self.vocabulary:
            faults.append(resource.error(path, "is not a known attribute", key=True, accepted="a declared attribute"))
            return None
        expected = self.vocabulary[name]
        try:
            return compile_expression(text.replace("$out.", output_prefix(template)), self.vocabulary, expected)
        except ExpressionError as error:
            accepted = f"an expression of type {expected}"
            faults.append(
                resource.error(
                    path, f"does not compile at {error.position}: {error.message}", value=text, accepted=accepted
                )
            )
            return None
