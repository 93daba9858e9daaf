"""Properties over random expressions and bags: printing and parsing agree, and the generated code does what a plain
interpreter of the syntax tree does, references and errors included."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizzen.mixer.expr import (
    EvaluationError,
    ExpressionError,
    LimitError,
    LiteralArgumentError,
    ParseError,
    RecordedAttributes,
    Value,
    ValueType,
    Vocabulary,
    compile_expression,
)
from mizzen.mixer.expr.functions import ANY, FUNCTIONS
from mizzen.mixer.expr.nodes import Attribute, Call, Constant, Node, canonical, source
from mizzen.mixer.expr.parser import MAX_DEPTH, MAX_LENGTH, parse
from mizzen.wire import Duration, Timestamp

T = ValueType
NOWHERE = (0, 0)
TYPES = {
    **dict.fromkeys(("as", "bs", "n.s"), T.STRING),
    **dict.fromkeys(("ai", "bi"), T.INT64),
    **dict.fromkeys(("ad", "bd"), T.DOUBLE),
    **dict.fromkeys(("ab", "bb", "cb"), T.BOOL),
    "at": T.TIMESTAMP,
    "adur": T.DURATION,
    "aip": T.IP_ADDRESS,
    "adns": T.DNS_NAME,
    **dict.fromkeys(("ar", "br"), T.STRING_MAP),
}
VOCABULARY = Vocabulary(TYPES)
TEXTS = ("", "a", "b", "k", "A*", "*", "10.0.0.1", "::ffff:a00:1", "x.example", "é", 'q"\\\n')
NUMBERS = (0, 1, -1, 2**63 - 1, -(2**63))
SAMPLES: dict[ValueType, tuple[Value, ...]] = {
    T.STRING: TEXTS,
    T.INT64: NUMBERS,
    T.DOUBLE: (0.0, -0.0, 1.5, math.inf, math.nan),
    T.BOOL: (True, False),
    T.TIMESTAMP: (Timestamp(0), Timestamp(1), Timestamp(-1)),
    T.DURATION: (Duration(0), Duration(1_500_000_000), Duration(-1)),
    T.IP_ADDRESS: (b"\x0a\0\0\1", bytes(10) + b"\xff\xff\x0a\0\0\1", bytes(16), b"abc"),
    T.DNS_NAME: ("a.example", "A.example.", "", "b"),
    T.STRING_MAP: ({}, {"a": "b"}, {"k": "a", "": "x"}),
}
MISFITS: tuple[Value, ...] = ("text", 7, True, 1.5, b"\0\0\0\0", {"k": "v"}, Duration(1), Timestamp(1))


# --- random trees ----------------------------------------------------------------------------------------------------


def constant(kind: ValueType) -> st.SearchStrategy[Node]:
    values: dict[ValueType, st.SearchStrategy[Any]] = {
        T.STRING: st.sampled_from(TEXTS),
        T.INT64: st.integers(0, 2**63 - 1),
        T.DOUBLE: st.floats(0, allow_infinity=False, allow_nan=False).map(abs),
        T.BOOL: st.booleans(),
        T.DURATION: st.integers(-(10**15), 10**15).map(Duration),
    }
    return values[kind].map(lambda value: Constant(value, kind, NOWHERE))


def attribute(kind: ValueType) -> st.SearchStrategy[Node]:
    return st.sampled_from([name for name, one in TYPES.items() if one is kind]).map(
        lambda name: Attribute(name, NOWHERE)
    )


def leaf(kind: ValueType) -> st.SearchStrategy[Node]:
    if kind in (T.STRING, T.INT64, T.DOUBLE, T.BOOL, T.DURATION):
        return attribute(kind) | constant(kind)
    return attribute(kind)


def call(name: str, *args: st.SearchStrategy[Node], method: bool = False) -> st.SearchStrategy[Node]:
    def build(nodes: tuple[Node, ...]) -> Node:
        return Call(name, nodes[1:], nodes[0], NOWHERE) if method else Call(name, nodes, None, NOWHERE)

    return st.tuples(*args).map(build)


@cache
def trees(kind: ValueType, depth: int) -> st.SearchStrategy[Node]:
    """Well-typed trees of one type."""
    if depth == 0:
        return leaf(kind)

    def under(one: ValueType) -> st.SearchStrategy[Node]:
        return st.deferred(lambda: trees(one, depth - 1))

    texts, conditions = under(T.STRING), under(T.BOOL)
    options = [
        leaf(kind),
        call("OR", under(kind), under(kind)),
        call("conditional", conditions, under(kind), under(kind)),
    ]
    if kind is T.STRING:
        options += [call("INDEX", under(T.STRING_MAP), texts)] * 3
        options += [
            call("ADD", texts, texts),
            call("toLower", texts),
            call("conditionalString", conditions, texts, texts),
        ]
    if kind is T.BOOL:
        compared = [under(one) for one in (T.STRING, T.INT64, T.DOUBLE, T.BOOL, T.TIMESTAMP, T.DURATION, T.IP_ADDRESS)]
        options += [call(name, conditions, conditions) for name in ("LAND", "LOR") for _ in range(3)]
        options += [call("NOT", conditions)]
        options += [call(name, one, one) for one in compared for name in ("EQ", "NEQ")]
        options += [call(name, one, one) for one in (compared[0], compared[1], compared[4]) for name in ("LT", "GEQ")]
        options += [call("EQ", under(T.DNS_NAME), under(T.DNS_NAME)), call("match", texts, texts)]
        options += [call(name, texts, texts, method=True) for name in ("startsWith", "endsWith", "matches")]
    if kind is T.INT64:
        options += [call("ADD", under(kind), under(kind)), call("size", texts)]
    if kind is T.DOUBLE:
        options += [call("ADD", under(kind), under(kind))]
    if kind is T.IP_ADDRESS:
        options += [call("ip", texts)]
    if kind is T.DNS_NAME:
        options += [call("dnsName", texts)]
    if kind is T.STRING_MAP:
        options += [st.just(Call("emptyStringMap", (), None, NOWHERE))]
    return st.one_of(options)


ANY_TREE = st.sampled_from(sorted(SAMPLES, key=str)).flatmap(lambda kind: trees(kind, 4)) | trees(T.BOOL, 5)


@st.composite
def bags(draw: st.DrawFn) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, kind in TYPES.items():
        choice = draw(st.integers(0, 40))
        if choice == 0:
            values[name] = draw(st.sampled_from(MISFITS))
        elif choice < 26:
            values[name] = draw(st.sampled_from(SAMPLES[kind]))
    return values


# --- the plain interpreter -------------------------------------------------------------------------------------------


class Refusal(Exception):  # noqa: N818 (the model's counterpart of any evaluation error)
    pass


PYTHON: dict[ValueType, Any] = {
    T.STRING: str,
    T.DNS_NAME: str,
    T.INT64: int,
    T.DOUBLE: float,
    T.BOOL: bool,
    T.TIMESTAMP: Timestamp,
    T.DURATION: Duration,
    T.IP_ADDRESS: bytes,
    T.STRING_MAP: dict,
}


def type_of(node: Node) -> ValueType:
    if isinstance(node, Constant):
        return node.type
    if isinstance(node, Attribute):
        return TYPES[node.name]
    result = FUNCTIONS[node.name].result
    return type_of(node.args[1 if node.name == "conditional" else 0]) if result is ANY else result


class Interpreter:
    """Reads the rules of the language off the tree, one node at a time, and asks the bag anew each time."""

    def __init__(self, bag: RecordedAttributes) -> None:
        self.bag = bag

    def strict(self, node: Node) -> Any:
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Attribute):
            value = self.attempt(node)
            if value is None:
                raise Refusal(f"lookup failed: '{node.name}'")
            return value
        if node.name == "OR":
            left = self.attempt(node.args[0])
            return self.strict(node.args[1]) if left is None else left
        if node.name == "INDEX":
            name = self.place_strict(node.args[0])
            value = self.entry(name, self.strict(node.args[1]))
            return "" if value is None else value
        return self.computed(node)

    def attempt(self, node: Node) -> Any:
        if isinstance(node, Attribute):
            value = self.bag.get(node.name)
            kind = TYPES[node.name]
            if value is not None and (
                not isinstance(value, PYTHON[kind])
                or (kind is T.INT64 and isinstance(value, bool))
                or (kind is T.IP_ADDRESS and isinstance(value, bytes) and len(value) not in (4, 16))
            ):
                raise Refusal(f"error converting value to {kind}")
            return value
        if isinstance(node, Call) and node.name == "OR":
            left = self.attempt(node.args[0])
            return self.attempt(node.args[1]) if left is None else left
        if isinstance(node, Call) and node.name == "INDEX":
            name = self.place(node.args[0])
            if name is None:
                return None
            key = self.attempt(node.args[1])
            return None if key is None else self.entry(name, key)
        return self.strict(node)

    def entry(self, name: str, key: str) -> str | None:
        try:
            return self.bag.get_key(name, key) if name else None
        except TypeError:
            raise Refusal("error converting value to STRING_MAP") from None

    def place(self, node: Node) -> str | None:
        """Name of the map, '' for the empty one, None where there is none."""
        if isinstance(node, Attribute):
            return node.name if self.bag.has(node.name) else None
        if isinstance(node, Call) and node.name == "OR":
            left = self.place(node.args[0])
            return self.place(node.args[1]) if left is None else left
        return self.place_strict(node)

    def place_strict(self, node: Node) -> str:
        if isinstance(node, Attribute):
            if not self.bag.has(node.name):
                raise Refusal(f"lookup failed: '{node.name}'")
            return node.name
        assert isinstance(node, Call)
        if node.name == "OR":
            left = self.place(node.args[0])
            return self.place_strict(node.args[1]) if left is None else left
        if node.name == "conditional":
            return self.place_strict(node.args[1 if self.strict(node.args[0]) else 2])
        return ""

    def computed(self, node: Call) -> Any:
        if node.name == "LAND":
            return self.strict(node.args[0]) and self.strict(node.args[1])
        if node.name == "LOR":
            return self.strict(node.args[0]) or self.strict(node.args[1])
        if node.name == "conditional":
            return self.strict(node.args[1 if self.strict(node.args[0]) else 2])
        operands = (*(() if node.target is None else (node.target,)), *node.args)
        values = [self.strict(operand) for operand in operands]
        if node.name in ("EQ", "NEQ"):
            kind = type_of(node.args[0])
            return (comparable(kind, values[0]) == comparable(kind, values[1])) == (node.name == "EQ")
        return MODEL[node.name](*values)


def comparable(kind: ValueType, value: Any) -> Any:
    if kind is T.IP_ADDRESS:
        return int.from_bytes(value if len(value) == 16 else bytes(10) + b"\xff\xff" + value)
    if kind is T.DNS_NAME:
        return check_name(value).lower().removesuffix(".")
    return value


def check_name(text: str) -> str:
    if not all(text.removesuffix(".").split(".")) or re.search(r"(^|\.)-|-(\.|$)", text):
        raise Refusal("dns name")
    return text


def check_ip(text: str) -> bytes:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        raise Refusal(f"could not convert {text} to IP_ADDRESS") from None


def starred(text: str, pattern: str) -> bool:
    if pattern[-1:] == "*":
        return text[: len(pattern) - 1] == pattern[:-1]
    return text[-(len(pattern) - 1) :] == pattern[1:] if pattern[:1] == "*" else text == pattern


def searched(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        raise Refusal("error parsing regular expression") from None


def added(one: Any, other: Any) -> Any:
    return (one + other + 2**63) % 2**64 - 2**63 if isinstance(one, int) else one + other


MODEL: dict[str, Callable[..., Any]] = {
    "ADD": added,
    "NOT": lambda value: not value,
    "LT": lambda one, other: one < other,
    "GEQ": lambda one, other: one >= other,
    "size": lambda text: len(text.encode()),
    "toLower": str.lower,
    "conditionalString": lambda condition, one, other: one if condition else other,
    "match": starred,
    "matches": searched,
    "startsWith": lambda text, part: text[: len(part)] == part,
    "endsWith": lambda text, part: part == "" or text[-len(part) :] == part,
    "ip": check_ip,
    "dnsName": check_name,
    "emptyStringMap": dict,
}


def shown(kind: ValueType, value: Any) -> Any:
    """A form that compares NaN and both forms of an IPv4 address as equal."""
    if kind is T.IP_ADDRESS:
        return comparable(kind, value)
    return repr(value)


def run(evaluate: Callable[[RecordedAttributes], Any], kind: ValueType, values: Mapping[str, Value]) -> tuple[Any, Any]:
    bag = RecordedAttributes(values)
    try:
        result = shown(kind, evaluate(bag))
    except Refusal as refusal:
        result = ("error", str(refusal))
    except EvaluationError as error:
        result = ("error", error.message)
    return result, bag.references()


# --- properties ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(ANY_TREE)
def test_a_printed_tree_parses_to_the_same_tree(tree: Node) -> None:
    assert parse(source(tree)) == tree
    assert canonical(parse(source(tree))) == canonical(tree)


@settings(max_examples=600, deadline=None)
@given(ANY_TREE, st.lists(bags(), min_size=1, max_size=6))
def test_generated_code_does_what_a_plain_interpreter_does(tree: Node, some: list[dict[str, Value]]) -> None:
    try:
        prepared = compile_expression(source(tree), VOCABULARY)
    except LiteralArgumentError:
        return
    kind = type_of(tree)
    assert prepared.type is kind
    for values in some:
        value, references = run(prepared.evaluate, kind, values)
        wanted, asked = run(lambda bag: Interpreter(bag).strict(tree), kind, values)
        if isinstance(wanted, tuple):
            assert value[0] == "error"
            assert wanted[1] in value[1]
        else:
            assert value == wanted
        assert references == asked


@pytest.mark.parametrize(
    "subject",
    [
        'as == "a"',
        '"k" == ar["k"]',
        '(bs | "a") == "a"',
        '(ar["k"] | "b") == "b"',
        "ai == 1",
        "ab == true",
        'ar["q"] == ""',
    ],
)
@settings(deadline=None)
@given(bags())
def test_an_equality_looks_up_what_the_expression_compares(subject: str, values: dict[str, Value]) -> None:
    (equality,) = compile_expression(f"{subject} && (cb || bb)", VOCABULARY).equalities

    def look_up(bag: RecordedAttributes) -> bool:
        return equality.lookup(bag) == equality.literal

    alone = compile_expression(subject, VOCABULARY)
    assert run(look_up, T.BOOL, values) == run(alone.evaluate, T.BOOL, values)


WORDS = """
    as ar ab . [ ] ( ) , "k" 1 1.5 && || | == < + - ! match ip conditional startsWith type true 'x' ` // /* */ @ " \\ é
"""
SOUP = st.lists(st.sampled_from([*WORDS.split(), " ", "\n"]), max_size=25).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | SOUP, bags())
def test_any_text_gives_a_value_or_an_error_of_the_language(text: str, values: dict[str, Value]) -> None:
    error = error_of(text, values)
    if error is not None:
        assert error.expression == text
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text) + 1
        assert error.caret().endswith("^")


def error_of(text: str, values: Mapping[str, Value]) -> ExpressionError | None:
    try:
        compile_expression(text, VOCABULARY).evaluate(RecordedAttributes(values))
    except ExpressionError as error:
        return error
    return None


def test_text_that_is_not_unicode_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="text is not valid Unicode") as raised:
        compile_expression('as == "\udc80"', VOCABULARY)
    assert raised.value.column == 8
    assert raised.value.expression == 'as == "?"'


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "as" + ")" * 5000,
        "!" * 5000 + "ab",
        "- " * 5000 + "ai",
        "toLower(" * 3000 + "as" + ")" * 3000,
        "as" + '["k"]' * 4000,
        "as" + '.startsWith("k")' * 1500,
        "ar[" * 5000 + '"k"' + "]" * 5000,
        "conditional(ab, as, " * 1000 + "as" + ")" * 1000,
        "ab && (" * 3000 + "ab" + ")" * 3000,
        "(" * 30000,
        "as | (" * 2000,
    ],
)
def test_nesting_beyond_all_use_is_refused(text: str) -> None:
    with pytest.raises(LimitError, match="nested deeper than 64 levels"):
        compile_expression(text, VOCABULARY)


def test_a_text_beyond_all_use_is_refused_and_not_repeated_in_full() -> None:
    with pytest.raises(LimitError, match="longer than 32768 characters") as raised:
        compile_expression("as == " + '"x"' * MAX_LENGTH, VOCABULARY)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(" * (MAX_DEPTH - 1) + "ab" + ")" * (MAX_DEPTH - 1), True),
        ("!" * (MAX_DEPTH - 2) + "ab", True),
        ("conditional(!ab, as, " * 60 + '"z"' + ")" * 60, "z"),
        ("as + " + "conditional(!ab, as, " * 60 + '"z"' + ")" * 60, "xz"),
        ("ab && (!ab || " * 30 + "ab" + ")" * 30, True),
        ("as | (" * 60 + "bs" + ")" * 60, "x"),
        (" || ".join(f'as == "n{number}"' for number in range(1500)) + " || ab", True),
        (" && ".join(["ab"] * 4000), True),
        (" | ".join(["bs"] * 3000) + ' | "d"', "d"),
        (" + ".join(["as"] * 4000), "x" * 4000),
        (" == ".join(["ab"] * 3001), True),
        ("(" + " && ".join(["ab"] * 1500) + ") == ab || as == bs", True),
        ("as | bs + as | bs + as", "xxx"),
        (" + ".join(f'(ar["n{number}"] | "-")' for number in range(1200)), "-" * 1200),
    ],
)
def test_long_chains_and_deep_nesting_within_bounds_work(text: str, value: Value) -> None:
    bag = RecordedAttributes({"ab": True, "as": "x"})
    assert compile_expression(text, VOCABULARY).evaluate(bag) == value
