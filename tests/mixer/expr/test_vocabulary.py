"""The vocabulary."""

from __future__ import annotations

import pytest

from mizzen.mixer.expr import BUILTIN, ValueType, Vocabulary


def test_the_built_in_vocabulary_knows_what_the_filters_send() -> None:
    assert BUILTIN["origin.ip"] is ValueType.IP_ADDRESS
    assert BUILTIN["quota.cache_hit"] is ValueType.BOOL
    assert BUILTIN["request.auth.claims"] is ValueType.STRING_MAP
    assert BUILTIN["destination.mesh.id"] is ValueType.STRING
    assert BUILTIN["connection.duration"] is ValueType.DURATION
    assert BUILTIN["context.time"] is ValueType.TIMESTAMP


def test_equal_vocabularies_are_interchangeable_as_keys() -> None:
    one = Vocabulary({"a": ValueType.STRING})
    other = Vocabulary({}).extended({"a": ValueType.STRING})
    assert one == other
    assert hash(one) == hash(other)
    assert one != Vocabulary({"a": ValueType.INT64})
    assert one != {"a": ValueType.STRING}


def test_an_extension_wins_over_the_same_name_and_leaves_the_original_alone() -> None:
    extended = BUILTIN.extended({"request.size": ValueType.STRING, "x": ValueType.BOOL})
    assert extended["request.size"] is ValueType.STRING
    assert BUILTIN["request.size"] is ValueType.INT64
    assert extended.names() == BUILTIN.names() | {"x"}


def test_types_are_read_by_the_names_of_manifests() -> None:
    assert ValueType.from_name("STRING_MAP") is ValueType.STRING_MAP
    assert ValueType.from_name("VALUE_TYPE_UNSPECIFIED") is ValueType.UNSPECIFIED
    with pytest.raises(ValueError, match="unknown value type 'TEXT'; accepted: STRING, INT64, DOUBLE"):
        ValueType.from_name("TEXT")


def test_advice_is_given_only_where_there_is_some() -> None:
    assert BUILTIN.advice("request.headrs") == "; did you mean request.headers?"
    assert BUILTIN.advice("request.headers.x.y") == ('; request.headers is a STRING_MAP: write request.headers["x.y"]')
    assert BUILTIN.advice("zzz") == ""
