"""Prepared expressions: what they tell about themselves, and what they ask of a bag."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from mizzen.mixer.expr import (
    BUILTIN,
    EvaluationError,
    Language,
    LookupFailedError,
    RecordedAttributes,
    Value,
    ValueKindError,
    ValueType,
    Vocabulary,
    compile_expression,
)
from mizzen.wire import CheckCall, Duration, encode_check_request


class Counting(RecordedAttributes):
    """Counts the questions of an evaluation."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.asked: list[str] = []

    def get(self, name: str, /) -> Value | None:
        self.asked.append(name)
        return super().get(name)

    def get_key(self, name: str, key: str, /) -> str | None:
        self.asked.append(f"{name}[{key}]")
        return super().get_key(name, key)


def test_an_expression_tells_its_type_and_attributes() -> None:
    prepared = compile_expression('request.headers["x"] == source.name || true', BUILTIN)
    assert prepared.type is ValueType.BOOL
    assert prepared.attributes == {"request.headers", "source.name"}
    assert repr(prepared) == "Expression('request.headers[\"x\"] == source.name || true', BOOL)"


def test_the_same_text_is_prepared_once_for_equal_vocabularies() -> None:
    assert compile_expression("request.size", BUILTIN) is compile_expression("request.size", Vocabulary(dict(BUILTIN)))


def test_an_expression_that_nobody_uses_is_let_go() -> None:
    gone = weakref.ref(compile_expression("request.size == 31337", BUILTIN))
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("text", "reads", "number"),
    [
        ("1", [], None),
        ("request.size", [("request.size", None)], "request.size"),
        ("request.size | 0", [("request.size", None)], "request.size"),
        ('response.duration | "0ms"', [("response.duration", None)], "response.duration"),
        ("request.size + 1", [("request.size", None)], None),
        ("request.size | response.size", [("request.size", None), ("response.size", None)], None),
        ("source.user", [("source.user", None)], None),
        ('source.labels["app"] | "x"', [("source.labels", "app")], None),
        ("source.labels[source.user]", [("source.labels", None), ("source.user", None)], None),
        ('(source.labels | destination.labels)["a"]', [("destination.labels", None), ("source.labels", None)], None),
        ('conditional(connection.mtls, "a", request.path)', [("connection.mtls", None), ("request.path", None)], None),
        ('source.user.startsWith(request.headers["x"])', [("request.headers", "x"), ("source.user", None)], None),
    ],
)
def test_an_expression_tells_what_its_value_depends_on(
    text: str, reads: list[tuple[str, str | None]], number: str | None
) -> None:
    prepared = compile_expression(text, BUILTIN)
    assert prepared.reads == frozenset(reads)
    assert prepared.number == number


@pytest.mark.parametrize(
    ("text", "values", "asked"),
    [
        ("source.name + source.name", {"source.name": "x"}, ["source.name"]),
        (
            '(check.cache_hit && source.name == "x") || (connection.mtls && source.name == "y")',
            {"check.cache_hit": True, "connection.mtls": True, "source.name": "y"},
            ["check.cache_hit", "source.name", "connection.mtls"],
        ),
        (
            '(request.headers["a"] | "") + request.headers["a"] + (request.headers["a"] | source.name)',
            {"request.headers": {"a": "x"}},
            ["request.headers[a]"],
        ),
        ('(source.name | "d") == "d" && (source.name | "e") == "e"', {}, ["source.name"]),
    ],
)
def test_a_repeated_look_up_is_asked_once(text: str, values: Mapping[str, Value], asked: list[str]) -> None:
    bag = Counting(values)
    compile_expression(text, BUILTIN).evaluate(bag)
    assert bag.asked == asked


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        (
            "source.name",
            {"source.name": 5},
            "error converting value to STRING: attribute 'source.name' arrived as int64",
        ),
        (
            "source.name | source.uid",
            {"source.name": b"secret"},
            "attribute 'source.name' arrived as bytes of length 6",
        ),
        (
            "request.size",
            {"request.size": True},
            "error converting value to INT64: attribute 'request.size' arrived as bool",
        ),
        ("request.size", {"request.size": Duration(1)}, "arrived as duration"),
        ("response.duration", {"response.duration": 5}, "arrived as int64"),
        ("connection.mtls", {"connection.mtls": 1}, "arrived as int64"),
        (
            "source.ip",
            {"source.ip": b"123"},
            "error converting value to IP_ADDRESS: attribute 'source.ip' arrived as bytes of",
        ),
        ("source.ip", {"source.ip": "10.0.0.1"}, "arrived as string"),
        ("request.time", {"request.time": 1.5}, "arrived as double"),
        ("request.headers", {"request.headers": "x"}, "error converting value to STRING_MAP"),
        ('request.headers["x"]', {"request.headers": "x"}, "attribute request.headers is not a string map"),
        ('request.headers["x"] | "d"', {"request.headers": 5}, "attribute request.headers is not a string map"),
        (
            "request.headers[source.name]",
            {"request.headers": 5, "source.name": "x"},
            "request.headers is not a string map",
        ),
    ],
)
def test_a_value_of_another_kind_is_an_evaluation_error(text: str, values: Mapping[str, Value], message: str) -> None:
    with pytest.raises(ValueKindError) as raised:
        compile_expression(text, BUILTIN).evaluate(RecordedAttributes(values))
    assert message in raised.value.message
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("source.name == 'x'", {"source.name": 7}, "value to STRING: attribute 'source.name' arrived as int64"),
        ("request.size == 1", {"request.size": True}, "value to INT64: attribute 'request.size' arrived as bool"),
        ("source.ip == ip('::1')", {"source.ip": b"abc"}, "attribute 'source.ip' arrived as bytes of length 3"),
        ("request.headers.k == 'x'", {"request.headers": "x"}, "attribute request.headers is not a string map"),
        ("'k' in request.headers", {"request.headers": 1.5}, "attribute request.headers is not a string map"),
        ("has(request.headers.k)", {"request.headers": 7}, "attribute request.headers is not a string map"),
    ],
)
def test_a_value_of_another_kind_fails_an_operand_in_cel(text: str, values: Mapping[str, Value], message: str) -> None:
    words = BUILTIN.spoken_in(Language.CEL)
    with pytest.raises(ValueKindError, match=message):
        compile_expression(text, words).evaluate(RecordedAttributes(values))
    assert compile_expression(f"{text} && false", words).evaluate(RecordedAttributes(values)) is False


def test_a_whole_map_of_another_kind_fails_in_cel() -> None:
    whole = compile_expression("true ? request.headers : {}", BUILTIN.spoken_in(Language.CEL))
    with pytest.raises(ValueKindError, match=r"value to STRING_MAP: attribute 'request\.headers' arrived as int64"):
        whole.evaluate(RecordedAttributes({"request.headers": 7}))


def test_values_of_subclasses_are_of_their_kind() -> None:
    class Text(str):
        __slots__ = ()

    bag = RecordedAttributes({"source.name": Text("x"), "request.headers": {"a": Text("y")}})
    text = 'source.name + request.headers["a"] + (request.headers["a"] | "")'
    assert compile_expression(text, BUILTIN).evaluate(bag) == "xyy"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ('"é".matches(source.name)', Language.CEXL),
        ("dnsName(source.name) == dnsName(source.uid)", Language.CEXL),
        ('source.name.matches("é")', Language.CEL),
        ("source.name.matches(source.uid)", Language.CEL),
        ("dnsName(source.name) == dnsName(source.uid)", Language.CEL),
    ],
)
def test_text_that_is_not_unicode_is_an_evaluation_error(text: str, language: Language) -> None:
    bag = RecordedAttributes({"source.name": "\ud800", "source.uid": "\ud800"})
    with pytest.raises(EvaluationError):
        compile_expression(text, BUILTIN.spoken_in(language)).evaluate(bag)


def test_an_empty_map_is_a_new_one_each_time() -> None:
    prepared = compile_expression("request.headers | emptyStringMap()", BUILTIN)
    first = prepared.evaluate(RecordedAttributes({}))
    assert first == {}
    assert prepared.evaluate(RecordedAttributes({})) is not first


def test_texts_of_users_cannot_leave_their_literals() -> None:
    text = r""""\");import os#{x}\n'" + source.name"""
    assert (
        compile_expression(text, BUILTIN).evaluate(RecordedAttributes({"source.name": "!"})) == "\");import os#{x}\n'!"
    )


def test_threads_share_an_expression() -> None:
    prepared = compile_expression('request.headers["a"] | source.name', BUILTIN)
    bags = [RecordedAttributes({"source.name": str(number)}) for number in range(400)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(prepared.evaluate, bags)) == [str(number) for number in range(400)]


def test_equalities_are_the_top_level_conjuncts_with_a_literal() -> None:
    text = (
        'destination.service.host == "a" && request.size > 1 && "GET" == request.method && '
        '(request.headers["x"] | "-") == "y" && response.code == 200 && connection.mtls == true && '
        '(source.name == "b" || source.name == "c") && source.name != "d" && request.path == source.uid && '
        'source.ip == ip("10.0.0.1") && toLower(request.host) == "h"'
    )
    found = [
        (one.position, one.attribute, one.key, one.default, one.literal)
        for one in compile_expression(text, BUILTIN).equalities
    ]
    assert found == [
        (0, "destination.service.host", None, None, "a"),
        (2, "request.method", None, None, "GET"),
        (3, "request.headers", "x", "-", "y"),
        (4, "response.code", None, None, 200),
        (5, "connection.mtls", None, None, True),
    ]


@pytest.mark.parametrize("text", ['source.name == "a" || true', 'conditional(true, source.name == "a", true)', "true"])
def test_an_equality_that_is_not_a_conjunct_is_none(text: str) -> None:
    assert compile_expression(text, BUILTIN).equalities == ()


def test_rules_with_the_same_slot_share_a_look_up() -> None:
    (one,) = compile_expression('source.name == "a"', BUILTIN).equalities
    (other,) = compile_expression('source.name == "b"', BUILTIN).equalities
    (defaulted,) = compile_expression('(source.name | "") == "b"', BUILTIN).equalities
    assert one.slot == other.slot != defaulted.slot
    with pytest.raises(LookupFailedError, match="lookup failed"):
        one.lookup(RecordedAttributes({}))
    assert defaulted.lookup(RecordedAttributes({})) == ""


@pytest.mark.parametrize("text", ['request.headers["x"] | "d"', "request.headers[source.name]", "request.headers"])
def test_a_scalar_where_a_map_should_be_is_an_error_on_the_wire_too(text: str) -> None:
    call = CheckCall(encode_check_request({"request.headers": "x", "source.name": "k"}))
    with pytest.raises(ValueKindError, match=r"error converting value to STRING_MAP: .*request\.headers"):
        compile_expression(text, BUILTIN).evaluate(call)
    assert ("request.headers", None, "EXACT") in call.referenced()
