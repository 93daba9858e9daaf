"""Random expressions, as syntax trees of every type, and bags to evaluate them on."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from hypothesis import strategies as st

from mizzen.mixer.expr import Value, ValueType, Vocabulary
from mizzen.mixer.expr.nodes import Attribute, Call, Constant, Node
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
