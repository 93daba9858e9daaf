"""Turns the typed tree into one Python function `evaluate(bag)`.

The code asks the bag exactly the questions that the language prescribes, in its order, so that references are exact: a
skipped operand asks nothing, an attribute that was read on the way is kept in a variable and not asked again. Values
are checked against the vocabulary where they are read.

Literals are no part of the code but variables around it, so expressions that differ in literals only (the rules of
many services) are compiled by Python once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from mizzen.wire import Duration, Timestamp

from . import operations
from .checker import Typed, TypedAttribute, TypedCall, TypedConstant
from .lookups import Lookups, Outcome, operands
from .values import AttributeSource, Value, ValueType

LOGICAL = frozenset({"LAND", "LOR"})
COMPARISONS = {"EQ": "==", "NEQ": "!=", "LT": "<", "LEQ": "<=", "GT": ">", "GEQ": ">="}
BINARY = LOGICAL | COMPARISONS.keys() | {"ADD", "OR"}
TIMES = frozenset({ValueType.TIMESTAMP, ValueType.DURATION})
CONVERTED_EQUALITY: dict[ValueType, Callable[..., bool]] = {
    ValueType.DNS_NAME: operations.dns_equal,
    ValueType.EMAIL_ADDRESS: operations.email_equal,
    ValueType.URI: operations.uri_equal,
}
CONVERSIONS: dict[str, Callable[[str], Value]] = {
    "ip": operations.to_ip,
    "timestamp": operations.to_timestamp,
    "dnsName": operations.to_dns_name,
    "email": operations.to_email,
    "uri": operations.to_uri,
}
SHAPES_KEPT = 4096
Evaluate: TypeAlias = Callable[[AttributeSource], Value]
GLOBALS: dict[str, object] = {
    "Timestamp": Timestamp,
    "Duration": Duration,
    "UNSET": object(),
    "ip_equal": operations.ip_equal,
    "match_text": operations.match_text,
    "byte_length": operations.byte_length,
    "to_lower": operations.to_lower,
}


def can_be_absent(node: Typed) -> bool:
    """Whether the node can yield nothing as left operand of `|`."""
    while isinstance(node, TypedCall) and node.function.name == "OR":
        node = node.args[1]
    return isinstance(node, TypedAttribute) or (isinstance(node, TypedCall) and node.function.name == "INDEX")


@lru_cache(SHAPES_KEPT)
def maker(source: str) -> Callable[..., Evaluate]:
    """The function that the source defines, which makes evaluators of one shape from their constants."""
    namespace = dict(GLOBALS)
    exec(compile(source, "<expression>", "exec"), namespace)  # noqa: S102 (generated; names of users enter through repr)
    make: Callable[..., Evaluate] = namespace.pop("make")  # type: ignore[assignment]
    return make


def compile_typed(text: str, node: Typed) -> Evaluate:
    """The evaluator of a checked expression. It raises only EvaluationError; threads may share it."""
    return Compiler(text, node).function(node)


class Compiler(Lookups):
    """Generates the code of one expression."""

    def __init__(self, text: str, root: Typed) -> None:
        super().__init__(text)
        self.uses = count_uses(root)

    def function(self, root: Typed) -> Evaluate:
        self.tail(root)
        constants = {**self.writer.constants, "CRASHED": self.site(root.span).crashed()}
        self.writer.constants = constants
        return maker(self.writer.source())(*constants.values())

    # --- results -------------------------------------------------------------------------------------------------

    def tail(self, node: Typed) -> None:
        """Code that returns the node's value."""
        name = node.function.name if isinstance(node, TypedCall) else ""
        if isinstance(node, TypedCall) and name in LOGICAL:
            self.tail_logical(node)
        elif isinstance(node, TypedCall) and name == "OR":
            self.tail_fallback(node)
        elif isinstance(node, TypedCall) and name == "conditional":
            condition = self.value(node.args[0])
            with self.writer.block(f"if {condition.code}:", condition.if_true or self.writer.scope):
                self.tail(node.args[1])
            self.writer.scope = condition.if_false or self.writer.scope
            self.tail(node.args[2])
        else:
            self.writer.emit(f"return {self.value(node).code}")

    def tail_logical(self, node: TypedCall) -> None:
        *first, last = operands(node)
        conjunction = node.function.name == "LAND"
        for operand in first:
            outcome = self.value(operand)
            if conjunction:
                self.writer.emit(f"if not ({outcome.code}): return False")
            else:
                self.writer.emit(f"if {outcome.code}: return True")
            self.writer.scope = (outcome.if_true if conjunction else outcome.if_false) or self.writer.scope
        self.tail(last)

    def tail_fallback(self, node: TypedCall) -> None:
        *first, last = operands(node)
        for operand in first:
            outcome = self.atom(self.attempt(operand))
            if not can_be_absent(operand):
                self.writer.emit(f"return {outcome.code}")
                return
            self.writer.emit(f"if {outcome.code} is not None: return {outcome.code}")
        self.tail(last)

    # --- values --------------------------------------------------------------------------------------------------

    def value(self, node: Typed) -> Outcome:
        """Code that computes the node, raising where an attribute is absent."""
        return self.evaluate(node, strict=True)

    def attempt(self, node: Typed) -> Outcome:
        """Code that computes the node as left operand of `|`: None where it yields nothing."""
        return self.evaluate(node, strict=False)

    def evaluate(self, node: Typed, strict: bool) -> Outcome:
        spine: list[tuple[TypedCall, bool]] = []
        known = self.known(node, strict)
        while known is None and isinstance(node, TypedCall) and node.function.name in BINARY:
            spine.append((node, strict))
            strict = node.function.name != "OR"
            node = node.args[0]
            known = self.known(node, strict)
        outcome = self.remember(node, strict, self.operand(node, strict)) if known is None else known
        for call, mode in reversed(spine):
            outcome = self.remember(call, mode, self.binary(call, outcome, mode))
        return outcome

    def known(self, node: Typed, strict: bool) -> Outcome | None:
        variable = self.writer.scope.known.get((node.key, strict or not can_be_absent(node)))
        return None if variable is None else Outcome(variable)

    def remember(self, node: Typed, strict: bool, outcome: Outcome) -> Outcome:
        """Keeps the value of a call that occurs again."""
        if not isinstance(node, TypedCall) or self.uses[node.key] < 2 or node.type is ValueType.STRING_MAP:
            return outcome
        kept = replace(self.atom(outcome), owned=False)
        key = (node.key, strict or not can_be_absent(node))
        for scope in (self.writer.scope, kept.if_true, kept.if_false):
            if scope is not None:
                scope.known[key] = kept.code
        return kept

    def own(self, outcome: Outcome) -> str:
        """A variable with this value that may be assigned again."""
        if outcome.owned:
            return outcome.code
        name = self.writer.temporary()
        self.writer.emit(f"{name} = {outcome.code}")
        return name

    def operand(self, node: Typed, strict: bool) -> Outcome:
        if isinstance(node, TypedConstant):
            return Outcome(self.constant(node))
        if isinstance(node, TypedAttribute):
            return Outcome(self.attribute(node, strict))
        if node.function.name == "INDEX":
            return self.index(node, strict)
        return self.call(node)

    def constant(self, node: TypedConstant) -> str:
        return self.writer.constant(node.value)

    # --- operators -----------------------------------------------------------------------------------------------

    def binary(self, call: TypedCall, left: Outcome, strict: bool) -> Outcome:
        name = call.function.name
        if name in LOGICAL:
            return self.logical(call, left)
        if name == "OR":
            return self.fallback(call, left, strict)
        left = self.atom(left)
        right = self.atom(self.value(call.args[1]))
        if name == "ADD":
            added = f"{left.code} + {right.code}"
            if call.type is ValueType.INT64:
                wrap = self.writer.constant(operations.wrap_int64)
                added = f"{wrap}({added})"
            return Outcome(added, atomic=False)
        return Outcome(self.comparison(call, left.code, right.code), atomic=False)

    def comparison(self, call: TypedCall, left: str, right: str) -> str:
        name, kind = call.function.name, call.args[0].type
        if name in ("EQ", "NEQ") and (kind is ValueType.IP_ADDRESS or kind in CONVERTED_EQUALITY):
            equal = "ip_equal"
            if kind in CONVERTED_EQUALITY:
                equal = self.writer.constant(self.site(call.span).converting(CONVERTED_EQUALITY[kind]))
            return f"{'not ' if name == 'NEQ' else ''}{equal}({left}, {right})"
        if kind in TIMES:
            left, right = f"{left}.nanoseconds", f"{right}.nanoseconds"
        return f"{left} {COMPARISONS[name]} {right}"

    def logical(self, call: TypedCall, left: Outcome) -> Outcome:
        """`&&` and `||`: the right operand is computed only where the left one does not decide."""
        conjunction = call.function.name == "LAND"
        result = self.own(left)
        entered = (left.if_true if conjunction else left.if_false) or self.writer.scope
        with self.writer.block(f"if {'' if conjunction else 'not '}{result}:", entered):
            right = self.value(call.args[1])
            self.writer.emit(f"{result} = {right.code}")
            learned = (right.if_true if conjunction else right.if_false) or self.writer.scope
        if conjunction:
            return Outcome(result, owned=True, if_true=learned)
        return Outcome(result, owned=True, if_false=learned)

    def fallback(self, call: TypedCall, left: Outcome, strict: bool) -> Outcome:
        if not can_be_absent(call.args[0]):
            return left
        result = self.own(left)
        with self.writer.block(f"if {result} is None:", self.writer.scope):
            self.writer.emit(f"{result} = {self.evaluate(call.args[1], strict).code}")
        return Outcome(result, owned=True)

    # --- functions -----------------------------------------------------------------------------------------------

    def call(self, node: TypedCall) -> Outcome:
        name = node.function.name
        if name == "NOT":
            inner = self.value(node.args[0])
            return Outcome(f"not ({inner.code})", atomic=False, if_true=inner.if_false, if_false=inner.if_true)
        if name == "conditional":
            return self.conditional(node)
        if name == "match" and isinstance(node.args[1], TypedConstant):
            text = self.atom(self.value(node.args[0])).code
            return Outcome(self.match_literal(text, str(node.args[1].value)), atomic=False)
        args = [self.atom(self.value(arg)).code for arg in node.args]
        return Outcome(self.apply(node, args), atomic=False)

    def conditional(self, node: TypedCall) -> Outcome:
        condition = self.value(node.args[0])
        result = self.writer.temporary()
        with self.writer.block(f"if {condition.code}:", condition.if_true or self.writer.scope):
            self.writer.emit(f"{result} = {self.value(node.args[1]).code}")
        with self.writer.block("else:", condition.if_false or self.writer.scope):
            self.writer.emit(f"{result} = {self.value(node.args[2]).code}")
        return Outcome(result, owned=True)

    def apply(self, node: TypedCall, args: list[str]) -> str:
        """Code of a function that computes all of its arguments."""
        name = node.function.name
        if name in CONVERSIONS:
            return f"{self.writer.constant(self.site(node.span).converting(CONVERSIONS[name]))}({args[0]})"
        if name == "matches":
            return self.matches(node, args)
        if name == "startsWith":
            return f"{args[0]}.startswith({args[1]})"
        if name == "endsWith":
            return f"{args[0]}.endswith({args[1]})"
        if name == "conditionalString":
            return f"{args[1]} if {args[0]} else {args[2]}"
        plain = {"size": "byte_length", "toLower": "to_lower", "match": "match_text", "emptyStringMap": "dict"}
        return f"{plain[name]}({', '.join(args)})"

    def matches(self, node: TypedCall, args: list[str]) -> str:
        pattern = node.args[0]
        if isinstance(pattern, TypedConstant):
            search = self.writer.constant(operations.compile_pattern(str(pattern.value)))
            return f"{search}({args[1]}.encode()) is not None"
        return f"{self.writer.constant(self.site(node.span).converting(operations.matches))}({args[0]}, {args[1]})"

    def match_literal(self, text: str, pattern: str) -> str:
        if pattern.endswith("*"):
            return f"{text}.startswith({self.writer.constant(pattern[:-1])})"
        if pattern.startswith("*"):
            return f"{text}.endswith({self.writer.constant(pattern[1:])})"
        return f"{text} == {self.writer.constant(pattern)}"


def count_uses(root: Typed) -> Counter[int]:
    """How often each value is computed in the tree."""
    uses: Counter[int] = Counter()
    waiting: list[Typed] = [root]
    while waiting:
        node = waiting.pop()
        uses[node.key] += 1
        if isinstance(node, TypedCall):
            waiting.extend(node.args)
    return uses
