"""Parameters of an instance, compiled once to expressions and then built for every bag.

Parameters are flattened to *leaves*, one per expression; building evaluates the leaves in order and assembles the
instance from their values. The two steps are apart so that a caller that shares values between instances can evaluate
by itself and call `assemble`.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from mizzen.config.errors import NO_VALUE
from mizzen.mixer.expr import (
    AttributeSource,
    EvaluationError,
    Expression,
    ExpressionError,
    Value,
    ValueType,
    Vocabulary,
    compile_expression,
)
from mizzen.mixer.templates.instances import Instance
from mizzen.mixer.templates.problem import FieldPath, Problem
from mizzen.mixer.templates.template import Dynamic, FieldType, Message, Template

_Maker: TypeAlias = Callable[[Sequence[Value]], object]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expression of an instance; `path` is its place in Go's spelling (`Subject.Properties[x]`), for messages."""

    path: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class InstanceTypes:
    """The types inferred for one instance.

    `values` holds the type of each single field by its dotted name (`value`, `subject.user`); `maps` those of each map
    field (`dimensions`, `subject.properties`) by key. An empty expression has VALUE_TYPE_UNSPECIFIED.
    """

    template: str
    values: Mapping[str, ValueType] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, ValueType]] = field(default_factory=dict)


class InstanceCompileError(Exception):
    """The parameters of an instance do not fit its template; `problems` has all of them.

    The text is Istio's: `expression compilation failed at [NAME]'Dimensions[source]': 'CAUSE'` for an expression.
    """

    def __init__(self, texts: Sequence[str], problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(texts))
        self.problems = tuple(problems)


class InstanceError(Exception):
    """A field could not be evaluated: `evaluation failed at [NAME]'Value': 'CAUSE'`. The cause is `__cause__`."""


class InstanceBuilder:
    """Builds instances of one configured instance; immutable and safe to share between threads."""

    __slots__ = ("_evaluators", "_expressions", "_makers", "leaves", "name", "template", "types")

    def __init__(
        self, name: str, template: Template, leaves: Sequence[Leaf], makers: Sequence[_Maker], types: InstanceTypes
    ) -> None:
        self.name = name
        self.template = template
        self.types = types
        self.leaves = tuple(leaves)
        self._makers = tuple(makers)
        self._expressions = tuple(leaf.expression for leaf in leaves)
        self._evaluators = tuple(leaf.expression.evaluate for leaf in leaves)

    def build(self, bag: AttributeSource) -> Instance:
        """The instance for `bag`; `InstanceError` if one of its expressions cannot be evaluated."""
        values: list[Value] = []
        append = values.append
        try:
            for evaluate in self._evaluators:
                append(evaluate(bag))
        except EvaluationError as error:
            place = self.leaves[len(values)].path
            raise InstanceError(f"evaluation failed at [{self.name}]'{place}': '{error}'") from error
        return self.assemble(values)

    def build_sharing(self, bag: AttributeSource, known: dict[Expression, Value]) -> Instance:
        """As `build`, with the values of expressions that `known` has for this bag, adding those that it has not."""
        values = list(map(known.get, self._expressions))
        if None in values:
            for index, value in enumerate(values):
                if value is None:
                    expression = self._expressions[index]
                    try:
                        values[index] = known[expression] = expression.evaluate(bag)
                    except EvaluationError as error:
                        place = self.leaves[index].path
                        raise InstanceError(f"evaluation failed at [{self.name}]'{place}': '{error}'") from error
        return self.assemble(cast(list[Value], values))

    def assemble(self, values: Sequence[Value]) -> Instance:
        """The instance from the values of `leaves`, in their order."""
        return self.template.instance_type(self.name, *[make(values) for make in self._makers])


def compile_instance(
    template: Template, name: str, params: Mapping[str, object], vocabulary: Vocabulary
) -> InstanceBuilder:
    """See `Template.compile`."""
    compiler = _Compiler(name, vocabulary)
    makers = compiler.message(template.fields, template.instance_type, params, _Place())
    if compiler.problems:
        raise InstanceCompileError(compiler.texts, compiler.problems)
    types = InstanceTypes(template.name, compiler.value_types, compiler.map_types)
    return InstanceBuilder(name, template, compiler.leaves, makers, types)


@dataclass(frozen=True)
class _Place:
    """Where the compiler is: as the user wrote it, as a dotted name and as Go spells it."""

    path: FieldPath = ()
    name: str = ""
    go: str = ""

    def field(self, written: str, name: str) -> _Place:
        go = _go_name(name)
        return _Place(
            (*self.path, written), f"{self.name}.{name}" if self.name else name, f"{self.go}.{go}" if self.go else go
        )

    def key(self, key: str) -> _Place:
        return _Place((*self.path, key), self.name, f"{self.go}[{key}]")


class _Compiler:
    """Collects leaves, types and problems while walking parameters along the fields of a template."""

    def __init__(self, name: str, vocabulary: Vocabulary) -> None:
        self.name = name
        self.vocabulary = vocabulary
        self.leaves: list[Leaf] = []
        self.problems: list[Problem] = []
        self.texts: list[str] = []
        self.value_types: dict[str, ValueType] = {}
        self.map_types: dict[str, Mapping[str, ValueType]] = {}

    def message(
        self, fields: Mapping[str, FieldType], type_: type, params: Mapping[str, object], place: _Place
    ) -> list[_Maker]:
        """A maker for each field, in order."""
        written = self._spellings(fields, params, place)
        makers = []
        for name, field_type in fields.items():
            if name in written:
                inner = place.field(written[name], name)
                makers.append(self._field(field_type, params[written[name]], inner, _default_of(type_, name)))
            else:
                makers.append(self._absent(field_type, place.field(name, name), _default_of(type_, name)))
        return makers

    def _spellings(
        self, fields: Mapping[str, FieldType], params: Mapping[str, object], place: _Place
    ) -> Mapping[str, str]:
        """Field name to the spelling used; unknown and doubly spelled fields become problems."""
        spelled = {spelling: name for name in fields for spelling in (name, _camel(name))}
        written: dict[str, str] = {}
        for key in params:
            name = spelled.get(key)
            if name is None:
                close = difflib.get_close_matches(key, spelled, 1)
                accepted = f"did you mean {close[0]}?" if close else ", ".join(fields) or "no fields"
                self._fault(Problem((*place.path, key), NO_VALUE, "is not a known field", accepted))
            elif name in written:
                reason = f"is the same field as {written[name]}"
                self._fault(Problem((*place.path, key), NO_VALUE, reason, "one of the two spellings"))
            else:
                written[name] = key
        return written

    def _field(self, field_type: FieldType, param: object, place: _Place, default: _Maker) -> _Maker:
        if isinstance(field_type, Message):
            if param is None:
                return self._absent(field_type, place, default)
            if not isinstance(param, Mapping):
                self._fault(Problem(place.path, param, "is not a mapping", ", ".join(field_type.fields)))
                return default
            return _message_maker(field_type.type, self.message(field_type.fields, field_type.type, param, place))
        if field_type is Dynamic.VALUE_MAP:
            return self._map(param, place, default)
        if isinstance(field_type, ValueType):
            return self._leaf(param, place, field_type, default)
        return self._leaf("" if param is None else param, place, None, default)

    def _absent(self, field_type: FieldType, place: _Place, default: _Maker) -> _Maker:
        """The types of a field that is not given are known all the same."""
        if isinstance(field_type, Message):
            self.message(field_type.fields, field_type.type, {}, place)
        elif field_type is Dynamic.VALUE_MAP:
            self.map_types[place.name] = {}
        else:
            self.value_types[place.name] = _static_type(field_type)
        return default

    def _map(self, param: object, place: _Place, default: _Maker) -> _Maker:
        if param is None:
            param = {}
        if not isinstance(param, Mapping):
            self._fault(Problem(place.path, param, "is not a mapping", "expressions by name"))
            return default
        first, names, empty, types = len(self.leaves), [], [], {}
        for key, text in param.items():
            inner = place.key(str(key))
            expression = self._expression("" if text is None else text, inner, None)
            types[str(key)] = expression.type if expression else ValueType.UNSPECIFIED
            if expression:
                names.append(str(key))
                self._append(expression, inner)
            else:
                empty.append(str(key))
        self.map_types[place.name] = types
        return _map_maker(names, slice(first, len(self.leaves)), empty)

    def _leaf(self, param: object, place: _Place, expected: ValueType | None, default: _Maker) -> _Maker:
        expression = self._expression(param, place, expected)
        self.value_types[place.name] = expression.type if expression else expected or _static_type(Dynamic.VALUE)
        return self._append(expression, place) if expression else default

    def _append(self, expression: Expression, place: _Place) -> _Maker:
        self.leaves.append(Leaf(place.go, expression))
        return operator.itemgetter(len(self.leaves) - 1)

    def _expression(self, text: object, place: _Place, expected: ValueType | None) -> Expression | None:
        """The compiled expression; None for an empty one and for one that became a problem."""
        accepted = f"an expression of type {expected.name}" if expected else "an expression"
        if not isinstance(text, str):
            self._fault(Problem(place.path, text, "is not a text", f"{accepted}, as a text in quotes"))
            return None
        if not text.strip():
            return None
        try:
            return compile_expression(text, self.vocabulary, expected)
        except ExpressionError as error:
            text_of_istio = f"expression compilation failed at [{self.name}]'{place.go}': '{error}'"
            self._fault(
                Problem(place.path, text, f"does not compile at {error.position}: {error.message}", accepted),
                text_of_istio,
            )
            return None

    def _fault(self, problem: Problem, text: str = "") -> None:
        self.problems.append(problem)
        self.texts.append(text or str(problem))


def _static_type(field_type: FieldType) -> ValueType:
    return field_type if isinstance(field_type, ValueType) else ValueType.UNSPECIFIED


def _default_of(type_: type, name: str) -> _Maker:
    """Makes the class's own default for the field, a fresh one each time if it can be changed."""
    info = type_.__dataclass_fields__[name]  # type: ignore[attr-defined]
    if callable(info.default_factory):
        factory = info.default_factory
        return lambda values: factory()
    return _constant(info.default)


def _constant(value: object) -> _Maker:
    return lambda values: value


def _message_maker(type_: type, makers: Sequence[_Maker]) -> _Maker:
    return lambda values: type_(*[make(values) for make in makers])


def _map_maker(names: Sequence[str], where: slice, empty: Sequence[str]) -> _Maker:
    """The names with the values of the leaves at `where`; those with an empty expression follow with null."""
    nulls: dict[str, Value | None] = dict.fromkeys(empty)
    if nulls:
        return lambda values: dict(zip(names, values[where], strict=True)) | nulls
    return lambda values: dict(zip(names, values[where], strict=True))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _go_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
