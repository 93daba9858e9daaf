from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters.statsd.lines import LineMaker
from mizzen.mixer.adapters.statsd.params import Kind, MetricParams
from mizzen.mixer.expr import Duration, Value
from mizzen.mixer.templates import Metric


def line(
    kind: Kind, value: Value | None, template: str = "", prefix: str = "", rate: float = 1, **dimensions: Value
) -> str:
    maker = LineMaker(MetricParams(type=kind, name_template=template), prefix, rate)
    return maker.line(Metric("requests.instance.ns", value, dimensions))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.COUNTER, 3, "requests.instance.ns:3|c"),
        (Kind.COUNTER, -3, "requests.instance.ns:-3|c"),
        (Kind.COUNTER, 0.25, "requests.instance.ns:0.25|c"),
        (Kind.GAUGE, 7, "requests.instance.ns:7|g"),
        (Kind.GAUGE, 1e-7, "requests.instance.ns:0.0000001|g"),
        (Kind.GAUGE, -7, "requests.instance.ns:0|g\nrequests.instance.ns:-7|g"),
        (Kind.DISTRIBUTION, Duration(1_500_000), "requests.instance.ns:1.5|ms"),
        (Kind.DISTRIBUTION, 4, "requests.instance.ns:4|c"),
    ],
)
def test_the_line_of_each_kind(kind: Kind, value: Value, expected: str) -> None:
    assert line(kind, value) == expected


def test_prefix_template_and_rate() -> None:
    found = line(Kind.COUNTER, 1, "{{.method}}-{{.code}}", "mesh", 0.5, method="GET", code=200)
    assert found == "mesh.GET-200:1|c|@0.5"
    assert line(Kind.DISTRIBUTION, Duration(10**9), rate=0.125).endswith(":1000|ms|@0.125")


def test_a_gauge_is_never_sampled() -> None:
    assert line(Kind.GAUGE, 1, rate=0.5).endswith("|g")
    assert not LineMaker(MetricParams(type=Kind.GAUGE), "", 0.5).is_sampled


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.COUNTER, True),
        (Kind.COUNTER, "7"),
        (Kind.GAUGE, None),
        (Kind.GAUGE, float("nan")),
        (Kind.COUNTER, Duration(1)),
    ],
)
def test_what_is_no_number_is_refused(kind: Kind, value: Value | None) -> None:
    with pytest.raises(ValueError, match=r"has a value of type .* that cannot be sent"):
        line(kind, value)


def test_a_dimension_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="has no dimension code for its name_template"):
        line(Kind.COUNTER, 1, "{{.code}}", method="GET")


@given(st.text())
def test_no_dimension_can_end_a_name_or_a_line(text: str) -> None:
    found = line(Kind.COUNTER, 1, "a{{.path}}", path=text)
    name, _, rest = found.partition(":")
    assert rest == "1|c"
    assert not set(name) & set(":|@ \n\r\t\0")
