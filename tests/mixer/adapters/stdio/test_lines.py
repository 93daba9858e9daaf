from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.stdio import Level
from mizzen.mixer.adapters.stdio.lines import console_line, json_line
from mizzen.mixer.expr import Duration, Timestamp, Value
from mizzen.mixer.templates import LogEntry, Metric

MOMENT = Timestamp(1_546_300_800_123_456_789)


def test_a_log_entry_is_one_json_object_in_a_fixed_order() -> None:
    entry = LogEntry(
        "accesslog.instance.ns",
        {
            "url": '/a?"b"\n',
            "bytes": 7,
            "ratio": 0.5,
            "mtls": True,
            "latency": Duration(1_500_000),
            "at": MOMENT,
            "sourceIp": bytes([10, 0, 0, 1]),
            "raw": b"abc",
            "headers": {"b": "2", "a": "1"},
            "empty": None,
            "straße": "ü",
        },
    )
    assert json_line(Level.WARNING, MOMENT, entry) == (
        '{"level":"warn","time":"2019-01-01T00:00:00.123456Z","instance":"accesslog.instance.ns",'
        '"at":"2019-01-01T00:00:00.123456Z","bytes":7,"empty":null,"headers":{"a":"1","b":"2"},'
        '"latency":"1.5ms","mtls":true,"ratio":0.5,"raw":"YWJj","sourceIp":"10.0.0.1","straße":"ü",'
        '"url":"/a?\\"b\\"\\n"}'
    )


def test_a_metric_has_its_value_before_its_dimensions() -> None:
    metric = Metric("requests.metric.ns", 3, {"b": "x", "a": None})
    assert json_line(Level.ERROR, MOMENT, metric) == (
        '{"level":"error","time":"2019-01-01T00:00:00.123456Z","instance":"requests.metric.ns",'
        '"value":3,"a":null,"b":"x"}'
    )


def test_the_console_form_is_separated_by_tabs() -> None:
    entry = LogEntry("log.instance.ns", {"b": 2, "a": "x"})
    assert console_line(Level.INFO, MOMENT, entry) == (
        '2019-01-01T00:00:00.123456Z\tinfo\tlog.instance.ns\t{"a": "x", "b": 2}'
    )


def test_floats_that_json_does_not_know_are_texts() -> None:
    entry = LogEntry("i", {"a": float("nan"), "b": float("inf"), "c": float("-inf")})
    line = json.loads(json_line(Level.INFO, MOMENT, entry))
    assert (line["a"], line["b"], line["c"]) == ("NaN", "+Inf", "-Inf")


def test_a_variable_named_as_a_fixed_field_takes_its_place_once() -> None:
    line = json_line(Level.INFO, MOMENT, LogEntry("i", {"time": "mine", "a": 1}))
    assert line == '{"level":"info","time":"mine","instance":"i","a":1}'


values: st.SearchStrategy[Value | None] = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.binary(max_size=17),
    st.integers(-(10**27), 10**27).map(Timestamp),
    st.integers(-(10**27), 10**27).map(Duration),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
)


@given(st.dictionaries(st.text(max_size=6), values, max_size=6))
def test_any_variables_give_one_line_of_strict_json(variables: dict[str, Value | None]) -> None:
    line = json_line(Level.INFO, MOMENT, LogEntry("i", variables))
    assert "\n" not in line
    read = json.loads(line, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert set(variables) <= set(read)
