from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mizzen.config.duration import parse_duration
from mizzen.config.kinds import RandomSampling, RateLimitSampling
from mizzen.mixer.expr import BUILTIN, RecordedAttributes, compile_expression
from mizzen.mixer.runtime.sampling import RandomSampler, RateLimitSampler, SampledMatch, Sampler, place_of

from .stage import Stage

CASES = yaml.safe_load((Path(__file__).parent / "cases_sampling.yaml").read_text())


class World:
    """The time and the next draw."""

    def __init__(self) -> None:
        self.now = 0
        self.next = 0.0

    def clock(self) -> int:
        return self.now

    def draw(self) -> float:
        return self.next


def bag_of(request: dict[str, Any]) -> RecordedAttributes:
    attributes: dict[str, Any] = {}
    if "id" in request:
        attributes["request.headers"] = {"x-request-id": request["id"]}
    if "code" in request:
        attributes["response.code"] = request["code"]
    return RecordedAttributes(attributes)


def chosen_by(case: dict[str, Any], world: World) -> list[Sampler]:
    chosen: list[Sampler] = []
    if "random" in case:
        random = RandomSampling.model_validate_json(json.dumps(case["random"]))
        text = random.attribute_expression
        chosen.append(RandomSampler(random, compile_expression(text, BUILTIN) if text else None, world.draw))
    if "rate_limit" in case:
        rate_limit = RateLimitSampling.model_validate_json(json.dumps(case["rate_limit"]))
        chosen.append(RateLimitSampler(rate_limit, world.clock))
    return chosen


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    world = World()
    match = SampledMatch(None, chosen_by(case, world))
    admitted = []
    for request in case["requests"]:
        world.now += parse_duration(request.get("after", "0"))
        world.next = request.get("draw", 0.99)
        admitted.append(match.evaluate(bag_of(request)))
    assert admitted == case["admitted"]


@given(st.text(max_size=40), st.sampled_from([100, 10_000]))
def test_every_id_has_one_place(identity: str, parts: int) -> None:
    assert place_of(identity, parts) == place_of(identity, parts)
    assert 0 <= place_of(identity, parts) < parts


def test_what_does_not_match_is_not_counted() -> None:
    config = RateLimitSampling.model_validate({"sampling_duration": "1s", "max_unsampled_entries": 1})
    world = World()
    condition = compile_expression("response.code == 200", BUILTIN)
    match = SampledMatch(condition, [RateLimitSampler(config, world.clock)])
    codes = [404, 200, 200]
    assert [match.evaluate(bag_of({"code": code})) for code in codes] == [False, True, False]
    assert [match.holds(bag_of({"code": code})) for code in codes] == [False, True, True]


def test_a_sampled_condition_reads_what_its_parts_read() -> None:
    random = RandomSampling(attribute_expression="request.size")
    sampler = RandomSampler(random, compile_expression("request.size", BUILTIN))
    match = SampledMatch(compile_expression('source.name == "a"', BUILTIN), [sampler])
    reads = {("source.name", None), ("request.size", None), ("request.headers", "x-request-id")}
    assert match.reads == reads
    assert match.attributes == {"source.name", "request.size", "request.headers"}
    assert [equality.attribute for equality in match.equalities] == ["source.name"]


RULE = """\
kind: rule
metadata: {{name: r}}
spec:
  sampling: {sampling}
  actions: [{{handler: h.denier, instances: [n.checknothing]}}]
---
{{kind: denier, metadata: {{name: h}}, spec: {{status: {{code: 7}}}}}}
---
{{kind: checknothing, metadata: {{name: n}}}}
"""


def test_a_sampled_rule_applies_to_its_part_of_the_checks_and_names_the_id_as_referenced() -> None:
    stage = Stage()
    assert stage.configure(RULE.format(sampling="{random: {percent_sampled: {numerator: 50}}}")) == []
    admitted, other = ({"request.headers": {"x-request-id": identity}} for identity in ("00000031", "00000032"))
    assert (stage.check(admitted)["code"], stage.check(other)["code"]) == (7, 0)
    assert ("request.headers", "x-request-id", "EXACT") in stage.references(other)


def test_a_rate_limit_bounds_how_often_a_rule_applies() -> None:
    stage = Stage()
    stage.configure(RULE.format(sampling="{rateLimit: {samplingDuration: 1h, maxUnsampledEntries: 2}}"))
    assert [stage.check({})["code"] for _ in range(4)] == [7, 7, 0, 0]


@pytest.mark.parametrize(
    ("sampling", "fault"),
    [
        ("{}", "says nothing; accepted: random, rate_limit or both"),
        ("{random: {attribute_expression: source.nam}}", "spec.sampling.random.attribute_expression"),
        ("{random: {attribute_expression: source.name}}", "is of type STRING, which is no number"),
        ("{random: {percent_sampled: {numerator: -1}}}", "spec.sampling.random.percent_sampled.numerator"),
        ("{random: {percent_sampled: {denominator: MILLION}}}", "HUNDRED, TEN_THOUSAND"),
        ("{rate_limit: {max_unsampled_entries: 1}}", "sampling_duration"),
        ("{rate_limit: {sampling_duration: 0s}}", "sampling_duration"),
        ("{randm: {}}", "did you mean random?"),
    ],
)
def test_faulty_sampling_is_told_and_the_rule_applies_to_nothing(sampling: str, fault: str) -> None:
    stage = Stage()
    errors = stage.configure(RULE.format(sampling=sampling))
    assert len(errors) == 1
    assert fault in errors[0]
    assert stage.check({})["code"] == 0


def test_a_condition_that_does_not_compile_hides_no_fault_of_the_actions() -> None:
    stage = Stage()
    text = RULE.replace("  sampling: {sampling}\n", "  match: source.nam == 1\n").replace("h.denier", "g.denier", 1)
    errors = stage.configure(text.replace("{{", "{").replace("}}", "}"))
    assert ["spec.match" in error or "Handler not found" in error for error in errors] == [True, True]
