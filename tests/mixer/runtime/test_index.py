from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.expr import BUILTIN, Expression, Language, RecordedAttributes, Value, ValueType, compile_expression
from mizzen.mixer.runtime.index import RuleSet


@dataclass(frozen=True)
class Rule:
    key: str
    match: Expression | None


def rules(*texts: str, language: Language = Language.CEXL) -> RuleSet[Rule]:
    words = BUILTIN.spoken_in(language)
    return RuleSet(
        Rule(str(number), compile_expression(text, words, ValueType.BOOL) if text else None)
        for number, text in enumerate(texts)
    )


class Counted(RecordedAttributes):
    """Counts look-ups."""

    lookups = 0

    def get(self, name: str) -> Value | None:
        self.lookups += 1
        return super().get(name)


def matching(found: RuleSet[Rule], bag: RecordedAttributes) -> tuple[list[str], int]:
    failures = []
    matched = found.matching(bag, lambda key, error, times: failures.append(times))
    return [rule.key for rule in matched], sum(failures)


def test_rules_match_in_their_order_whether_filed_or_scanned() -> None:
    found = rules('source.name == "a"', "", 'source.name == "b"', "request.size > 3", 'source.name == "a"')
    assert matching(found, RecordedAttributes({"source.name": "a", "request.size": 5})) == (["0", "1", "3", "4"], 0)


def test_a_condition_that_several_rules_have_is_evaluated_once() -> None:
    found = rules(*["request.size > 3"] * 5, "request.size > 4", *["request.size > 9"] * 2)
    bag = Counted({"request.size": 5})
    assert matching(found, bag) == (["0", "1", "2", "3", "4", "5"], 0)
    assert bag.lookups == 3


def test_each_rule_whose_condition_fails_is_told() -> None:
    assert matching(rules(*["request.size > 3"] * 3), RecordedAttributes({})) == ([], 3)


def test_the_whole_condition_of_a_candidate_counts() -> None:
    found = rules(*[f'source.name == "a" && request.size == {size}' for size in range(3)])
    assert matching(found, RecordedAttributes({"source.name": "a", "request.size": 2})) == (["2"], 0)


def test_an_absent_attribute_fails_every_rule_that_compares_it() -> None:
    found = rules('source.name == "a"', 'source.name == "b"', "request.size > 3", "")
    assert matching(found, RecordedAttributes({})) == (["3"], 3)


def test_a_default_is_compared_too() -> None:
    found = rules('(source.name | "none") == "none"', '(source.name | "none") == "a"')
    assert matching(found, RecordedAttributes({})) == (["0"], 0)


def test_a_thousand_rules_cost_one_look_up_and_one_condition() -> None:
    found = rules(*[f'destination.service.host == "svc-{number}"' for number in range(1000)])
    bag = Counted({"destination.service.host": "svc-500"})
    assert matching(found, bag) == (["500"], 0)
    assert bag.lookups == 2
    assert [reference.name for reference in bag.references()] == ["destination.service.host"]


def test_the_comparison_that_tells_most_rules_apart_is_filed() -> None:
    found = rules(*[f'context.protocol == "http" && source.name == "n{number}"' for number in range(20)])
    bag = Counted({"context.protocol": "http", "source.name": "n7"})
    assert matching(found, bag)[0] == ["7"]
    assert bag.lookups == 3


ATOMS = st.sampled_from(
    [
        'source.name == "a"', 'source.name == "b"', 'destination.name == "a"', "request.size == 1", "request.size > 0",
        'request.headers["x"] == "a"', '(source.name | "a") == "a"', '(request.headers["x"] | "b") == "b"',
        "connection.mtls == true", 'source.name != "a"',
    ]
)  # fmt: skip
CONDITIONS = st.lists(ATOMS, max_size=3).map(" && ".join)
BAGS = st.fixed_dictionaries(
    {},
    optional={
        "source.name": st.sampled_from(["a", "b", "c"]),
        "destination.name": st.sampled_from(["a", "b"]),
        "request.size": st.integers(0, 2),
        "request.headers": st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["a", "b"])),
        "connection.mtls": st.booleans(),
    },
)


@given(st.lists(CONDITIONS, max_size=12), BAGS)
def test_an_index_finds_what_a_scan_finds(texts: list[str], values: dict[str, Value]) -> None:
    bag = RecordedAttributes(values)
    scanned = [str(number) for number, text in enumerate(texts) if matching(rules(text), bag)[0]]
    assert matching(rules(*texts), bag)[0] == scanned


CEL_ATOMS = st.sampled_from(
    [
        'source.name == "a"', '"b" == source.name', 'has(source.name)', "request.size == 1", "request.size > 0",
        'request.headers["x"] == "a"', 'request.headers.x == ""', "has(request.headers.x)", "1 / request.size == 1",
        "connection.mtls == true", 'source.name != "a"', '(source.name == "a" || connection.mtls)',
    ]
)  # fmt: skip


@given(st.lists(st.lists(CEL_ATOMS, max_size=3).map(" && ".join), max_size=12), BAGS)
def test_an_index_finds_what_a_scan_finds_in_cel(texts: list[str], values: dict[str, Value]) -> None:
    bag = RecordedAttributes(values)
    found = [rules(text, language=Language.CEL) for text in texts]
    scanned = [str(number) for number, one in enumerate(found) if matching(one, bag)[0]]
    assert matching(rules(*texts, language=Language.CEL), bag)[0] == scanned
