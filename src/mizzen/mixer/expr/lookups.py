"""Code that asks the bag: attributes, map entries, and maps that are only known at run time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from .checker import Typed, TypedAttribute, TypedCall, TypedConstant
from .codegen import CodeWriter, Scope
from .nodes import Span
from .sites import PYTHON_TYPES, Site
from .values import ValueType


@dataclass(frozen=True, slots=True)
class Outcome:
    """Code of a value. `owned` says that it is a variable that may be assigned again.

    `if_true` and `if_false` are what is known where a condition held or did not; None means what is known anyway.
    """

    code: str
    atomic: bool = True
    owned: bool = False
    if_true: Scope | None = None
    if_false: Scope | None = None


def operands(node: TypedCall) -> list[Typed]:
    """The operands of a left-associative chain of one operator."""
    chain: list[Typed] = []
    current: Typed = node
    while isinstance(current, TypedCall) and current.function is node.function:
        chain.append(current.args[1])
        current = current.args[0]
    chain.append(current)
    chain.reverse()
    return chain


class Lookups(ABC):
    """The part of the compiler that writes look-ups. On any way through the code each question is asked once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.writer = CodeWriter(text)
        self.variables: dict[object, str] = {}

    @abstractmethod
    def value(self, node: Typed) -> Outcome:
        """Code that computes the node, raising where an attribute is absent."""

    @abstractmethod
    def attempt(self, node: Typed) -> Outcome:
        """Code that computes the node as left operand of `|`: None where it yields nothing."""

    def site(self, span: Span) -> Site:
        return Site(self.text, span)

    def atom(self, outcome: Outcome) -> Outcome:
        """The same value as a variable or a constant, so that code may be emitted before it is used."""
        if outcome.atomic:
            return outcome
        name = self.writer.temporary()
        self.writer.emit(f"{name} = {outcome.code}")
        return replace(outcome, code=name, atomic=True, owned=True)

    def lookup(self, key: tuple[str, ...], question: str) -> tuple[str, bool]:
        """The variable that holds the answer of the bag, and whether it was asked just here."""
        known = self.writer.scope.known.get(key)
        if known is not None:
            return known, False
        variable = self.variables.get(key)
        if variable is None:
            variable = self.variables[key] = self.writer.temporary()
            self.writer.emit(f"{variable} = {question}")
        else:
            self.writer.unset.add(variable)
            self.writer.emit(f"if {variable} is UNSET: {variable} = {question}")
        self.writer.scope.known[key] = variable
        return variable, True

    def attribute(self, node: TypedAttribute, strict: bool) -> str:
        name, kind = node.name, node.type
        variable, fresh = self.lookup(("get", name), f"bag.get({name!r})")
        present = ("present", name)
        site = self.site(node.span)
        if fresh:
            check = self.writer.constant(site.present(name, kind) if strict else site.optional(name, kind))
            python = "dict" if kind is ValueType.STRING_MAP else PYTHON_TYPES[kind].__name__
            guard = "" if kind is ValueType.IP_ADDRESS else f"if {variable}.__class__ is not {python}: "
            self.writer.emit(f"{guard}{variable} = {check}({variable})")
        elif strict and present not in self.writer.scope.known:
            absent = self.writer.constant(site.absent(name))
            self.writer.emit(f"if {variable} is None: {absent}()")
        if strict:
            self.writer.scope.known[present] = variable
        return variable

    def index(self, node: TypedCall, strict: bool) -> Outcome:
        target, key = node.args
        if isinstance(target, TypedAttribute) and isinstance(key, TypedConstant):
            return Outcome(self.literal_key(target, str(key.value), strict))
        return self.computed_key(target, key, strict)

    def literal_key(self, target: TypedAttribute, key: str, strict: bool) -> str:
        name = target.name
        value_key = ("value", name, key)
        if strict and (known := self.writer.scope.known.get(value_key)) is not None:
            return known
        variable, fresh = self.lookup(("key", name, key), f"bag.get_key({name!r}, {key!r})")
        site = self.site(target.span)
        if strict:
            missing = self.writer.constant(site.missing_key(name))
            value = self.writer.temporary()
            self.writer.emit(f"{value} = {variable} if {variable}.__class__ is str else {missing}(bag, {variable})")
            self.writer.scope.known[value_key] = value
            return value
        if fresh:
            entry = self.writer.constant(site.entry(name))
            self.writer.emit(f"if {variable}.__class__ is not str: {variable} = {entry}({variable})")
        return variable

    def computed_key(self, target: Typed, key: Typed, strict: bool) -> Outcome:
        """A look-up whose map or key is known at run time only: the map is found first, then key and entry."""
        entry = self.writer.constant(self.site(target.span).entry("map"))
        if strict:
            place = self.place(target, strict=True)
            text = self.atom(self.value(key))
            result = self.writer.temporary()
            self.writer.emit(f"{result} = {entry}(bag.get_key({place}, {text.code}) if {place} else None)")
            self.writer.emit(f"if {result} is None: {result} = ''")
            return Outcome(result, owned=True)
        result = self.writer.temporary()
        self.writer.emit(f"{result} = None")
        place = self.place(target, strict=False)
        with self.where_present(place):
            text = self.atom(self.attempt(key))
            with self.where_present(text.code):
                self.writer.emit(f"{result} = {entry}(bag.get_key({place}, {text.code}) if {place} else None)")
        return Outcome(result, owned=True)

    def where_present(self, code: str) -> AbstractContextManager[None]:
        """A block that is entered unless the variable is None; a literal needs none."""
        if code.isidentifier():
            return self.writer.block(f"if {code} is not None:", self.writer.scope)
        return nullcontext()

    def place(self, node: Typed, strict: bool) -> str:
        """Code of the name of the map that is indexed: '' for the empty map, None where there is none."""
        if isinstance(node, TypedAttribute):
            return self.map_name(node, strict)
        if isinstance(node, TypedCall) and node.function.name == "OR":
            return self.fallback_place(node, strict)
        if isinstance(node, TypedCall) and node.function.name == "conditional":
            return self.conditional_place(node)
        return "''"

    def map_name(self, node: TypedAttribute, strict: bool) -> str:
        name = node.name
        known = ("has", name)
        if known in self.writer.scope.known:
            return repr(name)
        if strict:
            absent = self.writer.constant(self.site(node.span).absent(name))
            self.writer.emit(f"if not bag.has({name!r}): {absent}()")
            self.writer.scope.known[known] = name
            return repr(name)
        place = self.writer.temporary()
        self.writer.emit(f"{place} = {name!r} if bag.has({name!r}) else None")
        return place

    def fallback_place(self, node: TypedCall, strict: bool) -> str:
        first, *others = operands(node)
        place = self.writer.temporary()
        self.writer.emit(f"{place} = {self.place(first, strict=False)}")
        for number, operand in enumerate(others, 1):
            with self.writer.block(f"if {place} is None:", self.writer.scope):
                last = number == len(others)
                self.writer.emit(f"{place} = {self.place(operand, strict=strict and last)}")
        return place

    def conditional_place(self, node: TypedCall) -> str:
        condition = self.value(node.args[0])
        place = self.writer.temporary()
        with self.writer.block(f"if {condition.code}:", condition.if_true or self.writer.scope):
            self.writer.emit(f"{place} = {self.place(node.args[1], strict=True)}")
        with self.writer.block("else:", condition.if_false or self.writer.scope):
            self.writer.emit(f"{place} = {self.place(node.args[2], strict=True)}")
        return place
