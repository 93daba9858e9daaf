"""What every quota adapter must do, whatever it counts in."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mizzen.mixer.adapters import Adapter, AdapterError, QuotaArguments, QuotaResult
from mizzen.mixer.adapters.memquota import MemQuotaAdapter
from mizzen.mixer.adapters.redisquota import RedisQuotaAdapter, RedisQuotaParams
from mizzen.mixer.adapters.testing import AdapterBench
from mizzen.mixer.expr import Value
from mizzen.mixer.templates import Quota

from .memquota.counting import PATIENCE, CountingProcess

WINDOW_S = 5.0
KINDS = ("memquota", "memquota of several processes", "redisquota fixed", "redisquota rolling")
fresh = itertools.count()


@dataclass
class Subject:
    """A quota handler with limits of 10 units, 3 for free users and 0 for banned ones, in 5 s."""

    kind: str
    redis_socket: str
    bench: AdapterBench = field(default_factory=AdapterBench)
    counting: CountingProcess | None = None

    def __post_init__(self) -> None:
        overrides = [
            {"dimensions": {"plan": "free"}, "max_amount": 3},
            {"dimensions": {"plan": "free", "user": "special"}, "max_amount": 9},  # never first
            {"dimensions": {"plan": "one", "level": "7"}, "max_amount": 1},
        ]
        quotas: list[dict[str, Any]] = [
            {"name": name, "max_amount": 10, "valid_duration": "5s", "overrides": overrides}
            for name in ("calls.quota.ns", "bytes.quota.ns")
        ]
        if not self.kind.startswith("memquota"):
            self.handlers: list[Adapter] = [self.redisquota(quotas)]
            self.turns = itertools.cycle(self.handlers)
            return
        for quota in quotas:
            for override in quota["overrides"]:
                override["valid_duration"] = "5s"
        params = {"quotas": quotas, "min_deduplication_duration": "20s"}
        if self.kind == "memquota":
            self.handlers = [self.bench.build(MemQuotaAdapter, params)]
        else:
            self.counting = CountingProcess(self.bench.monotonic)
            self.handlers = [self.bench.build(self.counting.adapter(worker), params) for worker in range(2)]
        self.turns = itertools.cycle(self.handlers)

    def close(self) -> None:
        for handler in self.handlers:
            handler.close()
        if self.counting is not None:
            self.counting.stop()

    def redisquota(self, quotas: list[dict[str, Any]]) -> RedisQuotaAdapter:
        if self.kind == "redisquota rolling":
            for quota in quotas:
                quota |= {"rate_limit_algorithm": "ROLLING_WINDOW", "bucket_duration": "500ms"}
        params = RedisQuotaParams.model_validate(
            {
                "redis_server_url": f"unix://{self.redis_socket}",
                "quotas": quotas,
                "key_prefix": f"test-{next(fresh)}",
            },
            strict=False,
        )
        return RedisQuotaAdapter(params, self.bench.environment(), now_us=lambda: self.bench.now() // 1000)

    def ask(
        self,
        amount: int = 1,
        *,
        name: str = "calls.quota.ns",
        best_effort: bool = False,
        id: str = "",  # noqa: A002
        **dimensions: Value | None,
    ) -> QuotaResult:
        handler = next(self.turns)  # each call may come to another worker
        answer = handler.quota(Quota(name, dimensions), QuotaArguments(amount, best_effort, id))
        result = answer.result(PATIENCE) if isinstance(answer, Future) else answer
        assert isinstance(result, QuotaResult)
        return result

    def take(self, amount: int = 1, **others: Any) -> int:
        return self.ask(amount, **others).amount


@pytest.fixture
def make(redis_socket: str) -> Iterator[Callable[[str], Subject]]:
    made: list[Subject] = []

    def make_subject(kind: str) -> Subject:
        made.append(Subject(kind, redis_socket))
        return made[-1]

    yield make_subject
    for subject in made:
        subject.close()


@pytest.fixture(params=KINDS)
def subject(request: pytest.FixtureRequest, make: Callable[[str], Subject]) -> Subject:
    return make(request.param)


def test_units_are_granted_up_to_the_limit(subject: Subject) -> None:
    assert [subject.take(4) for _ in range(4)] == [4, 4, 0, 0]
    assert [subject.take(1) for _ in range(3)] == [1, 1, 0]


def test_too_much_is_refused_as_a_whole(subject: Subject) -> None:
    assert subject.take(11) == 0
    assert subject.take(10) == 10


def test_best_effort_gets_what_is_left(subject: Subject) -> None:
    assert subject.take(8) == 8
    assert [subject.take(5, best_effort=True) for _ in range(2)] == [2, 0]


def test_units_come_back_after_the_window(subject: Subject) -> None:
    assert subject.take(10) == 10
    subject.bench.advance(WINDOW_S - 0.001)
    assert subject.take(1) == 0
    subject.bench.advance(0.001)
    assert subject.take(10) == 10


def test_a_grant_is_valid_at_most_for_the_window_and_a_refusal_not_at_all(subject: Subject) -> None:
    assert subject.ask(1).valid_for == WINDOW_S
    subject.bench.advance(1.0)
    assert 0 < subject.ask(1).valid_for <= WINDOW_S
    assert subject.ask(100).valid_for == 0


def test_nothing_asked_is_nothing_granted(subject: Subject) -> None:
    assert subject.ask(0) == QuotaResult()
    assert subject.take(10) == 10


def test_each_combination_of_dimensions_has_units_of_its_own(subject: Subject) -> None:
    assert subject.take(10, user="a") == 10
    assert subject.take(10, user="b") == 10
    assert subject.take(10) == 10
    assert subject.take(1, user="a") == 0


def test_the_order_of_dimensions_does_not_matter(subject: Subject) -> None:
    assert subject.take(10, a="1", b="2") == 10
    assert subject.take(1, b="2", a="1") == 0


def test_dimensions_that_look_alike_are_told_apart(subject: Subject) -> None:
    for dimensions in (
        {"a": "1"},
        {"a": 1},
        {"a": True},
        {"a": 1.0},
        {"a": None},
        {"a": ""},
        {"a": "1;b=2:22"},
        {"a": "1", "b": "2"},
        {"a": {"k": "v"}},
        {"a": "{k}v"},
        {"a": bytes([0, 0, 0, 1])},
        {"a": "}"},
        {"a": "x" * 500},
        {"a": "x" * 499 + "y"},
    ):
        assert subject.take(10, **dimensions) == 10, dimensions


def test_quotas_do_not_share_units(subject: Subject) -> None:
    assert subject.take(10) == 10
    assert subject.take(10, name="bytes.quota.ns") == 10


def test_the_first_override_that_fits_sets_the_limit(subject: Subject) -> None:
    assert subject.take(4, plan="free", user="special") == 0
    assert subject.take(3, plan="free", user="special") == 3
    assert subject.take(10, plan="paid") == 10


def test_overrides_compare_by_the_type_of_the_dimension(subject: Subject) -> None:
    assert subject.take(2, plan="one", level=7) == 0
    assert subject.take(2, plan="one", level=8) == 2
    assert subject.take(2, plan="one", level="07") == 2


def test_a_request_sent_again_is_counted_once(subject: Subject) -> None:
    first = subject.ask(6, id="r1")
    subject.bench.advance(1.0)
    again = subject.ask(6, id="r1")
    assert (first.amount, again.amount) == (6, 6)
    assert 0 < again.valid_for <= first.valid_for - 1.0
    assert subject.take(4, id="r2") == 4


def test_the_same_id_at_another_quota_is_another_request(subject: Subject) -> None:
    assert subject.take(6, id="r1") == 6
    assert subject.take(7, id="r1", name="bytes.quota.ns") == 7


def test_requests_without_an_id_are_all_counted(subject: Subject) -> None:
    assert [subject.take(5) for _ in range(3)] == [5, 5, 0]


def test_units_given_back_can_be_taken_again(subject: Subject) -> None:
    assert subject.take(10) == 10
    assert subject.ask(-4).amount == 4
    assert subject.take(5) == 0
    assert subject.take(4) == 4


def test_units_of_older_buckets_can_be_given_back(subject: Subject) -> None:
    for _ in range(3):
        assert subject.take(3) == 3
        subject.bench.advance(0.7)
    assert subject.ask(-7).amount == 7
    assert subject.take(8) == 8
    assert subject.take(1) == 0


def test_no_more_is_given_back_than_was_taken(subject: Subject) -> None:
    assert subject.take(3) == 3
    assert subject.ask(-100).amount == 3
    assert subject.take(10) == 10
    assert subject.take(1) == 0


def test_giving_back_twice_with_one_id_counts_once(subject: Subject) -> None:
    assert subject.take(10) == 10
    for _ in range(2):
        assert subject.ask(-3, id="back").amount == 3
    assert subject.take(4) == 0
    assert subject.take(3) == 3


def test_an_unknown_instance_is_an_error(subject: Subject) -> None:
    with pytest.raises(AdapterError, match=r"^did not find limit defined for quota other\.quota\.ns$"):
        subject.ask(1, name="other.quota.ns")


def test_threads_never_get_more_than_the_limit_together(subject: Subject) -> None:
    granted: list[int] = []
    retried = [f"r{number}" for number in range(20)]

    def work() -> None:
        granted.extend(subject.take(1) for _ in range(20))
        for id_ in retried:
            subject.take(1, id=id_)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) <= 10
    assert subject.take(1) == 0


Step = tuple[float, int, bool]
steps = st.lists(
    st.tuples(st.sampled_from([0.0, 0.05, 0.3, 0.9, 2.5, 5.0]), st.integers(1, 12), st.booleans()), max_size=25
)


@pytest.mark.parametrize("kind", KINDS)
@given(sequence=steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_ever_holds_more_than_the_limit(
    kind: str, make: Callable[[str], Subject], sequence: list[Step]
) -> None:
    subject = make(kind)
    grants: list[tuple[float, int]] = []
    for pause, amount, best_effort in sequence:
        subject.bench.advance(pause)
        taken = subject.take(amount, best_effort=best_effort)
        assert taken == amount or (best_effort and taken < amount) or taken == 0
        grants.append((subject.bench.seconds, taken))
    for start, _ in grants:
        window = [amount for at, amount in grants if start <= at < start + WINDOW_S - 1e-6]
        whole = 20 if kind == "redisquota fixed" else 10  # two fixed windows may meet in one stretch
        assert sum(window) <= whole


@pytest.mark.parametrize("kind", KINDS)
@given(sequence=steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_a_quiet_window_everything_is_there_again(
    kind: str, make: Callable[[str], Subject], sequence: list[Step]
) -> None:
    subject = make(kind)
    for pause, amount, best_effort in sequence:
        subject.bench.advance(pause)
        subject.take(amount, best_effort=best_effort)
    subject.bench.advance(math.nextafter(WINDOW_S, 6) + 1e-3)
    assert subject.take(10) == 10
