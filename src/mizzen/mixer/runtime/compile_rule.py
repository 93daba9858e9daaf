"""One rule: its condition, its references and its header operations.

Of a faulty rule what is in order is still returned, for the case that there is no last good version: an action without
its handler or without any valid instance is dropped, a header value that does not compile drops all header
operations of the rule, and a condition that does not compile makes the rule inactive. The texts of the faults are
those of Istio's Mixer, which operators search for.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from mizzen.config.errors import ConfigError
from mizzen.config.kinds import Action, HeaderOperation, HeaderOperationKind, Rule, Sampling
from mizzen.config.paths import Path
from mizzen.config.resource import Resource
from mizzen.config.spec import decode_spec
from mizzen.mixer.expr import Expression, ExpressionError, Language, ValueType, Vocabulary, compile_expression
from mizzen.mixer.runtime import inventory as kinds
from mizzen.mixer.runtime.configured import (
    ActionConfig,
    HandlerConfig,
    HeaderOperationConfig,
    InstanceConfig,
    RuleConfig,
)
from mizzen.mixer.runtime.language import refused_language
from mizzen.mixer.runtime.names import candidates, first_known
from mizzen.mixer.runtime.sampling import NUMERIC, SampledMatch, samplers
from mizzen.mixer.templates import Variety


def compile_rule(
    resource: Resource,
    handlers: Mapping[str, HandlerConfig],
    instances: Mapping[str, InstanceConfig],
    vocabulary: Vocabulary,
) -> tuple[RuleConfig | None, Sequence[ConfigError]]:
    """The rule, as far as it is in order, and its faults; None when nothing of it can be used."""
    refused = refused_language(resource)
    if refused:
        return None, refused
    spec, faults = decode_spec(Rule, resource.spec, resource)
    if spec is None:
        return None, faults
    spoken = vocabulary.spoken_in(Language(spec.language))
    return _RuleCompiler(resource, handlers, instances, spoken).compile(spec)


class _RuleCompiler:
    def __init__(
        self,
        resource: Resource,
        handlers: Mapping[str, HandlerConfig],
        instances: Mapping[str, InstanceConfig],
        vocabulary: Vocabulary,
    ) -> None:
        self.resource = resource
        self.handlers = handlers
        self.instances = instances
        self.vocabulary = vocabulary
        self.faults: list[ConfigError] = []
        self.references: set[str] = set()

    def compile(self, spec: Rule) -> tuple[RuleConfig | None, Sequence[ConfigError]]:
        match = self._expression(("spec", "match"), spec.match, ValueType.BOOL) if _has_condition(spec.match) else None
        is_lost = _has_condition(spec.match) and match is None
        sampled = self._sampled(match, spec.sampling) if spec.sampling is not None and not is_lost else match
        is_lost = is_lost or (spec.sampling is not None and sampled is None)
        actions = [self._action(("spec", "actions", index), action) for index, action in enumerate(spec.actions)]
        usable = tuple(action for action in actions if action is not None)
        known = self._with_outputs(usable)
        before = len(self.faults)
        request = self._operations("request_header_operations", spec.request_header_operations, known)
        response = self._operations("response_header_operations", spec.response_header_operations, known)
        if len(self.faults) > before:
            request = response = ()
        if is_lost:
            return None, self.faults
        if not usable and not request and not response:
            if not self.faults:
                self._fault(("spec",), "No valid actions found in rule", "actions, header operations or both")
            return None, self.faults
        references = frozenset(self.references)
        rule = RuleConfig(self.resource, sampled, usable, request, response, spec.failure_policy, references)
        return rule, self.faults

    def _sampled(self, match: Expression | None, sampling: Sampling) -> Expression | None:
        """The condition with its sampling; None when that is faulty, because the rule must not apply to all then."""
        path: Path = ("spec", "sampling")
        numerator: Expression | None = None
        if sampling.random is None and sampling.rate_limit is None:
            self._fault(path, "says nothing", "random, rate_limit or both", key=True)
            return None
        if sampling.random is not None and sampling.random.attribute_expression.strip():
            text = sampling.random.attribute_expression
            numerator = self._expression((*path, "random", "attribute_expression"), text, None)
            if numerator is None:
                return None
            if numerator.type not in NUMERIC:
                where = (*path, "random", "attribute_expression")
                reason = f"is of type {numerator.type}, which is no number"
                self.faults.append(self.resource.error(where, reason, value=text, accepted="INT64 or DOUBLE"))
                return None
        return SampledMatch(match, samplers(sampling, numerator))

    def _action(self, path: Path, action: Action) -> ActionConfig | None:
        handler_path: Path = (*path, "handler")
        key = self._resolve(action.handler, kinds.HANDLER, self.handlers)
        if key is None:
            reason = f"Handler not found: handler='{action.handler}'"
            self._fault(handler_path, reason, _nearest(action.handler, self.handlers))
            return None
        handler = self.handlers[key]
        found: dict[str, InstanceConfig] = {}
        for index, reference in enumerate(action.instances):
            instance = self._instance((*path, "instances", index), reference, handler, found)
            if instance is not None:
                found[instance.key] = instance
        if not found:
            self._fault((*path, "instances"), "No valid instances found", "at least one instance")
            return None
        return ActionConfig(handler, tuple(found.values()), action.name)

    def _instance(
        self, path: Path, reference: str, handler: HandlerConfig, found: Collection[str]
    ) -> InstanceConfig | None:
        key = self._resolve(reference, kinds.INSTANCE, self.instances)
        if key is None:
            reason = f"Instance not found: instance='{reference}'"
            self._fault(path, reason, _nearest(reference, self.instances))
            return None
        if key in found:
            reason = f"action specified the same instance multiple times: instance='{reference}'"
            self._fault(path, reason, "each instance once")
            return None
        instance = self.instances[key]
        if instance.template.name not in handler.adapter.templates:
            reason = (
                f"instance '{key}' is of template '{instance.template.name}' "
                f"which is not supported by handler '{handler.key}'"
            )
            self._fault(path, reason, f"instances of {', '.join(sorted(handler.adapter.templates))}")
            return None
        return instance

    def _resolve(self, reference: str, kind: str, known: Collection[str]) -> str | None:
        meant = candidates(reference, kind, self.resource.namespace)
        self.references.update(meant)
        return first_known(meant, known)

    def _with_outputs(self, actions: Sequence[ActionConfig]) -> Vocabulary:
        """The vocabulary of header values: attributes and the outputs of the rule's own named actions."""
        outputs = {
            f"{action.name}.output.{name}": type_
            for action in actions
            if action.name
            for instance in action.instances
            if instance.template.variety is Variety.CHECK_WITH_OUTPUT
            for name, type_ in instance.template.outputs.items()
        }
        return self.vocabulary.extended(outputs) if outputs else self.vocabulary

    def _operations(
        self, field: str, operations: Sequence[HeaderOperation], known: Vocabulary
    ) -> tuple[HeaderOperationConfig, ...]:
        return tuple(
            self._operation(("spec", field, index), operation, known) for index, operation in enumerate(operations)
        )

    def _operation(self, path: Path, operation: HeaderOperation, known: Vocabulary) -> HeaderOperationConfig:
        if operation.operation is HeaderOperationKind.REMOVE:
            return HeaderOperationConfig(operation.name, operation.operation)
        if not operation.values:
            self._fault((*path, "values"), "has no values", f"expressions for {operation.operation.name}")
        values = [
            self._expression((*path, "values", index), text, ValueType.STRING, known)
            for index, text in enumerate(operation.values)
        ]
        return HeaderOperationConfig(
            operation.name, operation.operation, tuple(value for value in values if value is not None)
        )

    def _expression(
        self, path: Path, text: str, expected: ValueType | None, known: Vocabulary | None = None
    ) -> Expression | None:
        try:
            return compile_expression(text, self.vocabulary if known is None else known, expected)
        except ExpressionError as error:
            accepted = f"an expression of type {expected}" if expected is not None else "an expression"
            self.faults.append(
                self.resource.error(
                    path, f"does not compile at {error.position}: {error.message}", value=text, accepted=accepted
                )
            )
            return None

    def _fault(self, path: Path, reason: str, accepted: str, *, key: bool = False) -> None:
        self.faults.append(self.resource.error(path, reason, accepted=accepted, key=key))


def _has_condition(match: str) -> bool:
    return match.strip() not in ("", "true")


def _nearest(reference: str, known: Collection[str]) -> str:
    """Advice for a reference that was not found."""
    if not known:
        return "a resource of that kind"
    close = difflib.get_close_matches(reference, known, 3, 0.5)
    return "one of " + ", ".join(close or sorted(known)[:5])
