from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mizzen.mixer.adapters.outbox import Outbox, OutboxLimits, RefusedError, SendError
from mizzen.mixer.adapters.testing import AdapterBench

LIMITS = OutboxLimits(capacity=10, interval=60, timeout=5, batch_items=4)


class Receiver:
    """Keeps batches, or fails as told."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.timeouts: list[float] = []
        self.error: Exception | None = None
        self.tries = 0

    def take(self, batch: Sequence[int], timeout: float) -> None:
        self.tries += 1
        self.timeouts.append(timeout)
        if self.error:
            raise self.error
        self.batches.append(list(batch))


class Stage:
    def __init__(self, limits: OutboxLimits = LIMITS) -> None:
        self.bench = AdapterBench()
        self.registry = CollectorRegistry()
        self.receiver = Receiver()
        self.outbox: Outbox[int] = Outbox("x", self.bench.environment(), self.registry, limits, self.receiver.take)

    def add(self, *items: int, size: int = 0) -> list[bool]:
        return [self.outbox.add(item, size) for item in items]

    def pass_(self, seconds: float) -> None:
        self.bench.advance(seconds)
        self.bench.run_tasks()

    def numbers(self) -> dict[str, float]:
        found = {}
        for family in text_string_to_metric_families(generate_latest(self.registry).decode()):
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    name = sample.name.removeprefix("mizzen_x_").removesuffix("_total")
                    found[f"{name} {sample.labels.get('reason', '')}".strip()] = sample.value
        return found

    def assert_accounted(self) -> None:
        numbers = self.numbers()
        dropped = sum(value for name, value in numbers.items() if name.startswith("dropped"))
        assert numbers["taken"] == numbers["sent"] + dropped + numbers["pending"]


def test_items_wait_for_the_interval() -> None:
    stage = Stage()
    stage.add(1, 2)
    stage.pass_(59)
    assert stage.receiver.batches == []
    stage.pass_(1)
    assert stage.receiver.batches == [[1, 2]]
    assert stage.receiver.timeouts == [5]
    assert stage.numbers() == {"taken": 2, "sent": 2, "send_failures": 0, "pending": 0}


def test_a_full_batch_is_sent_at_once_and_the_rest_with_it() -> None:
    stage = Stage()
    woken = []
    for item in range(1, 6):
        stage.add(item)
        woken.append(stage.bench.tasks[0].woken)
    assert woken == [False, False, False, True, True]
    stage.pass_(0)
    assert stage.receiver.batches == [[1, 2, 3, 4], [5]]


def test_batches_are_bounded_by_bytes() -> None:
    stage = Stage(OutboxLimits(capacity=10, interval=60, timeout=5, batch_items=10, batch_bytes=100))
    stage.add(1, 2, 3, size=40)
    assert stage.add(4, size=101) == [False]
    stage.pass_(0)
    assert stage.receiver.batches == [[1, 2], [3]]
    assert stage.numbers()["dropped too_large"] == 1
    stage.assert_accounted()


@pytest.mark.parametrize(
    ("drops_oldest", "taken", "arrived"), [(False, 4, [0, 1, 2, 3, 4]), (True, 8, [0, 5, 6, 7, 8])]
)
def test_a_full_queue_drops(drops_oldest: bool, taken: int, arrived: list[int]) -> None:
    stage = Stage(OutboxLimits(capacity=5, interval=60, timeout=5, batch_items=1, drops_oldest=drops_oldest))
    stage.receiver.error = SendError("away")
    stage.add(0)
    stage.pass_(0)  # 0 is on its way now and stays the first
    assert sum(stage.add(*range(1, 9))) == taken
    stage.receiver.error = None
    stage.pass_(60)
    assert [item for batch in stage.receiver.batches for item in batch] == arrived
    assert stage.numbers()["dropped full"] == 4
    stage.assert_accounted()


def test_a_batch_that_did_not_arrive_is_sent_again_after_growing_pauses() -> None:
    stage = Stage()
    stage.receiver.error = SendError("away")
    stage.add(1, 2, 3, 4)
    stage.pass_(0)
    tries = []
    for _ in range(200):
        before = stage.receiver.tries
        stage.pass_(0.5)
        if stage.receiver.tries > before:
            tries.append(stage.bench.seconds)
    assert tries[:8] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]
    stage.receiver.error = None
    stage.pass_(30)
    assert stage.receiver.batches == [[1, 2, 3, 4]]
    stage.assert_accounted()


def test_a_refused_batch_is_dropped_and_the_next_is_sent() -> None:
    stage = Stage()
    stage.receiver.error = RefusedError("bad")
    stage.add(1, 2, 3, 4)
    stage.pass_(0)
    stage.receiver.error = None
    stage.add(5, 6, 7, 8)
    stage.pass_(0)
    assert stage.receiver.batches == [[5, 6, 7, 8]]
    numbers = stage.numbers()
    assert (numbers["dropped refused"], numbers["send_failures"]) == (4, 1)
    stage.assert_accounted()


@pytest.mark.parametrize(("answer", "refused"), [(0, 0), (1, 1), (4, 4), (9, 4), (-1, 0)])
def test_a_receiver_may_refuse_a_part_of_a_batch(answer: int, refused: int) -> None:
    stage = Stage()
    stage.outbox._send = lambda batch, timeout: answer
    stage.add(1, 2, 3, 4)
    stage.pass_(0)
    numbers = stage.numbers()
    assert (numbers["sent"], numbers.get("dropped refused", 0)) == (4 - refused, refused)
    stage.assert_accounted()


def test_a_fault_of_the_sender_drops_the_batch_and_work_goes_on() -> None:
    stage = Stage()
    stage.receiver.error = ZeroDivisionError("fault")
    stage.add(1, 2, 3, 4)
    stage.pass_(0)
    assert stage.numbers()["dropped error"] == 4
    stage.assert_accounted()


def test_closing_sends_the_rest() -> None:
    stage = Stage()
    stage.add(1, 2)
    stage.outbox.close()
    assert stage.receiver.batches == [[1, 2]]
    assert stage.receiver.timeouts == [3.0]
    assert stage.bench.tasks[0].cancelled
    assert stage.add(3) == [False]
    assert stage.numbers()["dropped closed"] == 1
    stage.assert_accounted()


def test_closing_gives_up_at_the_first_failure() -> None:
    stage = Stage()
    stage.receiver.error = SendError("away")
    stage.add(1, 2, 3, 4, 5)
    stage.outbox.close()
    assert stage.receiver.tries == 1
    assert stage.numbers()["dropped closed"] == 5
    stage.assert_accounted()


def test_adding_does_not_wait_for_a_batch_that_is_on_its_way() -> None:
    stage = Stage()
    begun, release = threading.Event(), threading.Event()

    def slow(batch: Sequence[int], timeout: float) -> None:
        begun.set()
        assert release.wait(10)

    stage.outbox._send = slow
    stage.add(1, 2, 3, 4)
    sender = threading.Thread(target=stage.pass_, args=(0,))
    sender.start()
    assert begun.wait(10)
    assert stage.add(5) == [True]
    assert stage.outbox.pending == 5
    release.set()
    sender.join()
    stage.assert_accounted()


@pytest.mark.parametrize(("error", "outcome"), [(None, "sent"), (SendError("late"), "dropped closed")])
def test_closing_does_not_wait_for_ever_and_counts_what_was_on_its_way_once(
    error: Exception | None, outcome: str
) -> None:
    stage = Stage()
    begun, release = threading.Event(), threading.Event()

    def slow(batch: Sequence[int], timeout: float) -> None:
        begun.set()
        assert release.wait(10)
        if error:
            raise error

    stage.outbox._send = slow
    stage.add(1, 2, 3, 4)
    sender = threading.Thread(target=stage.pass_, args=(0,))
    sender.start()
    assert begun.wait(10)
    stage.add(5)
    stage.outbox.close(0.01)
    assert stage.numbers()["dropped closed"] == 1
    release.set()
    sender.join()
    assert stage.numbers()[outcome] == (5 if error else 4)
    assert stage.numbers()["pending"] == 0
    stage.assert_accounted()


@given(st.lists(st.sampled_from(["add", "pass", "wait", "away", "refuse", "back"]), max_size=60), st.booleans())
def test_every_item_is_accounted_for(steps: list[str], drops_oldest: bool) -> None:
    stage = Stage(OutboxLimits(capacity=5, interval=10, timeout=5, batch_items=3, drops_oldest=drops_oldest))
    errors = {"away": SendError("away"), "refuse": RefusedError("bad"), "back": None}
    number = 0
    for step in steps:
        if step == "add":
            stage.add(number)
            number += 1
        elif step in errors:
            stage.receiver.error = errors[step]
        else:
            stage.pass_(0 if step == "pass" else 10)
        stage.assert_accounted()
    stage.outbox.close()
    stage.assert_accounted()
    assert stage.numbers()["pending"] == 0
    arrived = [item for batch in stage.receiver.batches for item in batch]
    assert arrived == sorted(set(arrived))
