"""Resources to compiled configuration, one resource at a time and tolerant.

A resource that does not compile is reported and replaced by its last good version, compiled against today's
vocabulary and references; without one, whatever of it is in order is used. Everything else goes on. Resources are
visited in the order of their keys, so the result depends on nothing else.

What a compilation takes over from the one before is what it would find again: the outcome of an equal resource as long
as what it depends on is the same. A handler depends on its adapter, an instance on its template and the vocabulary, a
rule on the vocabulary and on everything that its references may mean. A fault may tell what else would have been
accepted, so the outcome of a faulty one holds as long as nothing at all changes around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from mizzen.config.errors import ConfigError
from mizzen.config.kinds import AttributeManifest
from mizzen.config.resource import Resource
from mizzen.config.spec import decode_spec
from mizzen.mixer.calling import described
from mizzen.mixer.expr import BUILTIN, Vocabulary
from mizzen.mixer.runtime import inventory as kinds
from mizzen.mixer.runtime.compile_handler import adapter_of, compile_handler
from mizzen.mixer.runtime.compile_instance import compile_instance, template_of
from mizzen.mixer.runtime.compile_rule import compile_rule
from mizzen.mixer.runtime.configured import Compiled, RuleConfig
from mizzen.mixer.runtime.inventory import Inventory
from mizzen.mixer.runtime.outcome import Attempt, Outcome, Outcomes
from mizzen.mixer.runtime.vocabulary import build_vocabulary

Output = TypeVar("Output")


def compile_resources(
    resources: Mapping[str, Resource], inventory: Inventory, previous: Compiled | None = None
) -> tuple[Compiled, list[ConfigError]]:
    """Everything compiled, and every fault. `previous` is where last good versions and equal outcomes come from."""
    return _Compilation(resources, inventory, previous).run()


class _Compilation:
    def __init__(self, resources: Mapping[str, Resource], inventory: Inventory, previous: Compiled | None) -> None:
        self.by_key = resources
        self.resources = [resources[key] for key in sorted(resources) if not inventory.is_for_others(resources[key])]
        self.inventory = inventory
        self.before = previous.outcomes if previous else Outcomes()
        self.last_good = previous.good if previous else {}
        self.vocabulary = Vocabulary(BUILTIN)
        self.errors: list[ConfigError] = []
        self.good: dict[str, Resource] = {}
        self.kept: set[str] = set()
        self.left_out: set[str] = set()
        self.changed: set[str] = set()
        self.fresh = 0

    def run(self) -> tuple[Compiled, list[ConfigError]]:
        self._refuse_unknown_kinds()
        outcomes = self._outcomes()
        compiled = Compiled(
            self.vocabulary,
            _outputs(outcomes.handlers),
            _outputs(outcomes.instances),
            _outputs(outcomes.rules),
            self.good,
            frozenset(self.kept),
            frozenset(self.left_out),
            outcomes,
            self.fresh,
        )
        errors = located(self.errors, self.by_key)
        return compiled, sorted(errors, key=lambda error: (error.file, error.line, error.column))

    def _outcomes(self) -> Outcomes:
        before = self.before
        manifests = self._each(self._of(kinds.MANIFEST), before.manifests, _compile_manifest, lambda _: True)
        self._take_vocabulary(_outputs(manifests))
        adapters = _differing(self.inventory.adapters, before.inventory.adapters)
        handlers = self._each(
            self._of(kinds.HANDLER, *self.inventory.adapters),
            before.handlers,
            lambda resource: compile_handler(resource, self.inventory),
            lambda one: not adapters or (not one.faults and adapter_of(one.resource) not in adapters),
        )
        templates = _differing(self.inventory.templates, before.inventory.templates)
        same_words = self.vocabulary is before.vocabulary
        instances = self._each(
            self._of(kinds.INSTANCE, *self.inventory.templates),
            before.instances,
            lambda resource: compile_instance(resource, self.inventory, self.vocabulary),
            lambda one: (
                same_words and (not templates or (not one.faults and template_of(one.resource) not in templates))
            ),
        )
        self._note_removed(before.handlers, handlers)
        self._note_removed(before.instances, instances)
        known_handlers, known_instances = _outputs(handlers), _outputs(instances)
        touched = frozenset(self.changed)
        rules = self._each(
            self._of(kinds.RULE),
            before.rules,
            lambda resource: compile_rule(resource, known_handlers, known_instances, self.vocabulary),
            lambda one: same_words and (not touched or _is_apart_from(one, touched)),
        )
        return Outcomes(manifests, handlers, instances, rules, self.inventory, self.vocabulary)

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

    def _take_vocabulary(self, manifests: Mapping[str, AttributeManifest]) -> None:
        declared = ((self.good[key], manifest) for key, manifest in manifests.items())
        vocabulary, clashes = build_vocabulary(declared, self.inventory.templates.values())
        self.vocabulary = self.before.vocabulary if vocabulary == self.before.vocabulary else vocabulary
        self.errors += clashes

    def _note_removed(self, before: Mapping[str, Outcome[Any]], now: Mapping[str, Outcome[Any]]) -> None:
        self.changed |= before.keys() - now.keys()

    def _each(
        self,
        resources: Iterable[Resource],
        before: Mapping[str, Outcome[Output]],
        compile_one: Callable[[Resource], Attempt[Output]],
        holds: Callable[[Outcome[Output]], bool],
    ) -> dict[str, Outcome[Output]]:
        """The outcome of each resource: that of an equal one before where it still holds, else a new one."""
        outcomes: dict[str, Outcome[Output]] = {}
        for resource in resources:
            key = resource.key
            outcome = before.get(key)
            if outcome is not None and outcome.resource == resource and holds(outcome):
                outcome = outcome.at(resource)
            else:
                outcome = _compile(resource, compile_one, self.last_good.get(key))
                self.changed.add(key)
                self.fresh += 1
            outcomes[key] = outcome
            if outcome.good is not None:
                self.good[key] = outcome.good
            if outcome.faults:
                self._note(outcome)
        return outcomes

    def _note(self, faulty: Outcome[Any]) -> None:
        self.errors += faulty.faults
        if faulty.is_kept:
            self.kept.add(faulty.resource.key)
        if faulty.is_left_out:
            self.left_out.add(faulty.resource.key)


def located(errors: Iterable[ConfigError], resources: Mapping[str, Resource]) -> list[ConfigError]:
    """The errors where the resources stand now that they are about; they may have been found elsewhere in the file."""
    return [resources[error.resource].located(error) if error.resource in resources else error for error in errors]


def _compile(
    resource: Resource, compile_one: Callable[[Resource], Attempt[Output]], last_good: Resource | None
) -> Outcome[Output]:
    """Compiles a resource, falling back to its last good version and then to what can be used of it."""
    output, faults = _attempt(resource, compile_one)
    if not faults:
        return Outcome(resource, output, good=resource)
    if last_good is not None and last_good != resource:
        earlier, its_faults = _attempt(last_good, compile_one)
        if not its_faults and earlier is not None:
            return Outcome(resource, earlier, tuple(faults), last_good, is_kept=True)
    # a good version stays the last good one, also while something it refers to is missing
    return Outcome(resource, output, tuple(faults), last_good, is_left_out=True)


def _attempt(resource: Resource, compile_one: Callable[[Resource], Attempt[Output]]) -> Attempt[Output]:
    """What became of one resource; an exception is a fault of it and takes no other down."""
    try:
        return compile_one(resource)
    except Exception as error:  # parameters of an adapter may have validators of their own
        return None, [resource.error(("spec",), f"cannot be read: {type(error).__name__}: {described(error)}")]


def _compile_manifest(resource: Resource) -> Attempt[AttributeManifest]:
    return decode_spec(AttributeManifest, resource.spec, resource)


def _outputs(outcomes: Mapping[str, Outcome[Output]]) -> dict[str, Output]:
    return {key: outcome.output for key, outcome in outcomes.items() if outcome.output is not None}


def _is_apart_from(one: Outcome[RuleConfig], changed: frozenset[str]) -> bool:
    """Whether nothing that has changed is what a reference of the rule may mean."""
    return not one.faults and one.output is not None and one.output.references.isdisjoint(changed)


def _differing(now: Mapping[str, object], before: Mapping[str, object]) -> frozenset[object]:
    """The names that mean something else now."""
    return frozenset(name for name in now.keys() | before.keys() if now.get(name) is not before.get(name))
