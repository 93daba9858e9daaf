from __future__ import annotations

from typing import Any

import msgpack
import pytest

from mizzen.mixer.adapters.fluentd.events import Event, event_of, messages_of
from mizzen.mixer.expr import Duration, Timestamp, Value
from mizzen.mixer.templates import LogEntry

NOW = 1_700_000_000_000_000_000


def decoded(entry: LogEntry, integer_duration: bool = False) -> tuple[str, Any, dict[str, Any]]:
    """Tag, time (seconds and nanoseconds) and record."""
    event = event_of(entry, NOW, integer_duration)
    time, record = msgpack.unpackb(event.packed)
    if isinstance(time, msgpack.ExtType):
        assert time.code == 0
        assert len(time.data) == 8
        time = (int.from_bytes(time.data[:4], "big"), int.from_bytes(time.data[4:], "big"))
    return event.tag, time, record


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        (7, 7),
        (-(2**63), -(2**63)),
        (1.5, 1.5),
        (float("inf"), float("inf")),
        (True, True),
        (None, None),
        (bytes([10, 0, 0, 1]), "10.0.0.1"),
        (Duration(1_500_000_000), "1.5s"),
        (Timestamp(0), "1970-01-01T00:00:00.000000Z"),
        ({"b": "2", "a": "1"}, {"a": "1", "b": "2"}),
        ("\ud800", "?"),
    ],
)
def test_variables_are_fields_of_the_record(value: Value | None, shown: object) -> None:
    assert decoded(LogEntry("i.instance.ns", {"x": value}, Timestamp(0), "info"))[2] == {
        "x": shown,
        "severity": "info",
    }


@pytest.mark.parametrize(
    ("nanoseconds", "expected"), [(1_999_999, 1), (-1_999_999, -1), (0, 0), (2**63 - 1, 9_223_372_036_854)]
)
def test_durations_may_be_whole_milliseconds(nanoseconds: int, expected: int) -> None:
    assert decoded(LogEntry("i", {"x": Duration(nanoseconds)}), integer_duration=True)[2]["x"] == expected


def test_the_time_has_nanoseconds() -> None:
    assert decoded(LogEntry("i", {}, Timestamp(1_000_000_005 * 10**9 + 7)))[1] == (1_000_000_005, 7)
    assert decoded(LogEntry("i"))[1] == (1_700_000_000, 0)


@pytest.mark.parametrize("seconds", [-1, 2**32])
def test_a_time_beyond_the_event_time_is_whole_seconds(seconds: int) -> None:
    assert decoded(LogEntry("i", {}, Timestamp(seconds * 10**9)))[1] == seconds


def test_the_tag_is_the_instance_or_the_variable_of_that_name() -> None:
    assert decoded(LogEntry("i.instance.ns"))[::2] == ("i.instance.ns", {"severity": ""})
    assert decoded(LogEntry("i.instance.ns", {"tag": "mesh.access", "a": 1}, None, "warn"))[::2] == (
        "mesh.access",
        {"a": 1, "name": "i.instance.ns", "severity": "warn"},
    )
    assert decoded(LogEntry("i.instance.ns", {"tag": ""}))[0] == "i.instance.ns"


def test_the_instance_is_not_changed() -> None:
    variables: dict[str, Value | None] = {"tag": "t", "d": Duration(1)}
    event_of(LogEntry("i", variables), NOW, True)
    assert variables == {"tag": "t", "d": Duration(1)}


def test_there_is_a_message_for_each_tag_in_order() -> None:
    events = [Event("a", b"\x01"), Event("b", b"\x02"), Event("a", b"\x03")]
    messages = messages_of(events, iter(["x", "y"]))
    assert [chunk for _, chunk in messages] == ["x", "y"]
    assert [msgpack.unpackb(message) for message, _ in messages] == [
        ["a", b"\x01\x03", {"size": 2, "chunk": "x"}],
        ["b", b"\x02", {"size": 1, "chunk": "y"}],
    ]
    assert msgpack.unpackb(messages_of(events[:1], None)[0][0]) == ["a", b"\x01", {"size": 1}]
