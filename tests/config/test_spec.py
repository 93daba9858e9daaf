from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, SecretStr

from mizzen.config import DurationNs, SpecModel, decode_spec, parse_documents, read_resources
from mizzen.config.kinds import AttributeManifest, HeaderOperationKind, Rule


class Entry(SpecModel):
    max_amount: int = Field(default=0, ge=0)
    valid_duration: DurationNs = Field(default=0, le=3_600_000_000_000)
    interval: DurationNs = Field(default=2_000_000_000, ge=1_000_000_000)
    names: tuple[str, ...] = Field(default=("a",), min_length=1)
    owner: str = Field(default="a", min_length=1)


class Params(SpecModel):
    redis_server_url: str
    entries: tuple[Entry, ...] = ()
    by_name: dict[str, Entry] = Field(default_factory=dict)
    best_effort: bool = False
    level: Literal["info", "error"] = "info"
    ratio: float = 1
    password: SecretStr | None = None


def decode(spec: str, model: type[Any] = Params) -> tuple[Any, list[str]]:
    text = f"kind: k\nmetadata: {{name: n}}\nspec:\n{spec}"
    resources, errors = read_resources(parse_documents(text, "f")[0])
    assert not errors
    value, faults = decode_spec(model, resources[0].spec, resources[0])
    return value, [str(fault).removeprefix("f:").replace(" n.k.istio-system:", "") for fault in faults]


def test_both_spellings_are_read() -> None:
    for spec in (
        "  redis_server_url: a\n  entries: [{max_amount: 1}]",
        "  redisServerUrl: a\n  entries: [{maxAmount: 1}]",
    ):
        value, errors = decode(spec)
        assert not errors
        assert value == Params(redis_server_url="a", entries=(Entry(max_amount=1),))


def test_a_null_field_is_one_that_is_not_given() -> None:
    value, errors = decode("  redis_server_url: a\n  entries:\n  level:\n")
    assert not errors
    assert value == Params(redis_server_url="a")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("  entries: []", "4:3: spec: has no redis_server_url; accepted: a text"),
        ("  redis_server_url:", "4:3: spec.redis_server_url: has no value; accepted: a text"),
        ("  redisServerURL: a", "4:3: spec: has no redisServerUrl; accepted: a text"),
        ("  redis_server_url: 7", "4:21: spec.redis_server_url: 7 is not a text; accepted: a text"),
        (
            "  redis_server_url: a\n  best_effort: yes",
            '5:16: spec.best_effort: "yes" is not true or false; accepted: true or false',
        ),
        (
            "  redis_server_url: a\n  entries: [{max_amount: x}]",
            '5:26: spec.entries[0].max_amount: "x" is not an integer; accepted: an integer ≥ 0',
        ),
        (
            "  redis_server_url: a\n  entries: [{maxAmount: -1}]",
            "5:25: spec.entries[0].maxAmount: -1 should be greater than or equal to 0; accepted: an integer ≥ 0",
        ),
        (
            "  redis_server_url: a\n  by_name: {x: {validDuration: 5}}",
            "5:32: spec.by_name.x.validDuration: 5 is not a duration; accepted: a duration such as 5s, 250ms or 1h30m",
        ),
        (
            "  redis_server_url: a\n  by_name: {x: {valid_duraton: 5s}}",
            "5:17: spec.by_name.x.valid_duraton: is not a known field; accepted: did you mean valid_duration?",
        ),
        (
            "  redis_server_url: a\n  bestEfort: true",
            "5:3: spec.bestEfort: is not a known field; accepted: did you mean bestEffort?",
        ),
        (
            "  redis_server_url: a\n  level: debug",
            "5:10: spec.level: \"debug\" is not one of the known values; accepted: 'info' or 'error'",
        ),
        (
            "  redis_server_url: a\n  redisServerUrl: b",
            "4:3: spec.redis_server_url: is given in both spellings; accepted: one of them",
        ),
        (
            "  redis_server_url: a\n  by_name: {x: {validDuration: 2h}}",
            '5:32: spec.by_name.x.validDuration: "2h" is too long; accepted: a duration of at most 3600s',
        ),
        (
            "  redis_server_url: a\n  entries: [{interval: 5ms}]",
            '5:24: spec.entries[0].interval: "5ms" is too short; accepted: a duration of at least 1s',
        ),
        (
            "  redis_server_url: a\n  entries: [{names: []}]",
            "5:21: spec.entries[0].names: [] is empty; accepted: a list that is not empty",
        ),
        (
            '  redis_server_url: a\n  entries: [{owner: ""}]',
            '5:21: spec.entries[0].owner: "" is empty; accepted: a text that is not empty',
        ),
        ("  redis_server_url: a\n  password: 5", "5:13: spec.password: (hidden) is not a text; accepted: a text"),
    ],
)
def test_a_fault_names_place_value_and_what_is_accepted(spec: str, error: str) -> None:
    value, errors = decode(spec)
    assert value is None
    assert error in errors


def test_every_fault_of_a_spec_is_reported_at_once() -> None:
    _, errors = decode("  redis_server_url: 7\n  ratio: x\n  nope: 1\n")
    assert len(errors) == 3


def test_a_list_with_faulty_entries_is_not_called_empty() -> None:
    _, errors = decode("  redis_server_url: a\n  entries: [{names: [7]}]")
    assert errors == ["5:22: spec.entries[0].names[0]: 7 is not a text; accepted: a text"]


def test_a_rule_reads_as_istio_writes_it() -> None:
    value, errors = decode(
        "  match: a == b\n"
        "  actions:\n  - handler: h\n    instances: [i]\n    name: x\n"
        "  requestHeaderOperations:\n  - {name: user, values: [x.output.value], operation: APPEND}\n"
        "  response_header_operations:\n  - {name: server, operation: 1}\n",
        Rule,
    )
    assert not errors
    assert value.request_header_operations[0].operation is HeaderOperationKind.APPEND
    assert value.response_header_operations[0].operation is HeaderOperationKind.REMOVE


def test_an_unknown_value_type_lists_the_known_ones() -> None:
    _, errors = decode("  attributes: {a.b: {valueType: TEXT}}", AttributeManifest)
    assert errors == [
        '4:33: spec.attributes["a.b"].valueType: "TEXT" is not one of the known values; accepted: '
        "VALUE_TYPE_UNSPECIFIED, STRING, INT64, DOUBLE, BOOL, TIMESTAMP, IP_ADDRESS, EMAIL_ADDRESS, URI, DNS_NAME, "
        "DURATION, STRING_MAP"
    ]
