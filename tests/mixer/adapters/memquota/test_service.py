from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizzen.mixer.adapters import AdapterError, QuotaResult
from mizzen.mixer.adapters.memquota.ledger import Take
from mizzen.mixer.adapters.memquota.messages import Messages, pack
from mizzen.mixer.adapters.memquota.remote import RemoteLedger, _Question

from .counting import PATIENCE, CountingProcess

STORE, MEMORY = "store", "memory"


@pytest.fixture
def counting() -> Iterator[CountingProcess]:
    process = CountingProcess(lambda: 1.0)
    yield process
    process.stop()


def take(ledger: RemoteLedger, amount: int = 1, identity: str = "") -> QuotaResult:
    return ledger.take(Take(STORE, "cell", 5, 2.0, amount, False, MEMORY, "q", identity)).result(PATIENCE)


def hold(ledger: RemoteLedger) -> int:
    return ledger.hold([STORE], {MEMORY: 60.0}).result(PATIENCE)


def end(counting: CountingProcess, ledger: RemoteLedger) -> None:
    """The worker dies; returns once the service knows."""
    open_before = len(counting.service._open)
    ledger.close()
    while len(counting.service._open) == open_before:
        counting.do(lambda: None)


def test_workers_count_in_one_ledger(counting: CountingProcess) -> None:
    first, second = counting.connect(0), counting.connect(1)
    hold(first)
    hold(second)
    assert take(first, 3, "r") == take(second, 3, "r") == QuotaResult(amount=3, valid_for=2.0)
    assert take(second, 3) == QuotaResult(amount=0, valid_for=0.0)
    assert take(second, -1) == QuotaResult(amount=1, valid_for=2.0)
    assert counting.registry.get_sample_value("mizzen_mixer_shared_quota_calls_total") == 4
    assert counting.registry.get_sample_value("mizzen_mixer_shared_quota_cells") == 1


def test_the_counts_of_a_worker_that_served_wait_for_its_next_life(counting: CountingProcess) -> None:
    before = counting.connect(0)
    hold(before)
    counting.do(lambda: counting.service.settled(0))
    assert take(before, 5) == QuotaResult(amount=5, valid_for=2.0)
    end(counting, before)
    crashed = counting.connect(0)  # ends before it has said what it holds
    end(counting, crashed)
    after = counting.connect(0)
    hold(after)
    counting.do(lambda: counting.service.settled(0))
    assert take(after) == QuotaResult(amount=0, valid_for=0.0)


def test_a_call_under_way_when_its_worker_ends_is_counted_once(counting: CountingProcess) -> None:
    before = counting.connect(0)
    hold(before)
    counting.do(lambda: counting.service.settled(0))
    before.take(Take(STORE, "cell", 5, 2.0, 3, False, MEMORY, "q", "r"))  # nobody reads the answer
    end(counting, before)
    after = counting.connect(0)
    hold(after)
    counting.do(lambda: counting.service.settled(0))
    assert take(after, 3, "r") == QuotaResult(amount=3, valid_for=2.0)
    assert take(after, 3) == QuotaResult()
    assert take(after, 2) == QuotaResult(amount=2, valid_for=2.0)


def test_what_the_next_life_of_a_worker_does_not_need_is_forgotten(counting: CountingProcess) -> None:
    before = counting.connect(0)
    hold(before)
    counting.do(lambda: counting.service.settled(0))
    take(before, 5)
    end(counting, before)
    after = counting.connect(0)
    counting.do(lambda: counting.service.settled(0))
    hold(after)
    assert take(after, 5) == QuotaResult(amount=5, valid_for=2.0)


def test_a_worker_that_ends_before_it_served_leaves_nothing(counting: CountingProcess) -> None:
    crashed = counting.connect(0)
    hold(crashed)
    take(crashed)
    end(counting, crashed)
    assert len(counting.service.ledger) == 0


def test_what_is_released_is_forgotten(counting: CountingProcess) -> None:
    ledger = counting.connect(0)
    number = hold(ledger)
    take(ledger)
    ledger.release(number).result(PATIENCE)
    assert len(counting.service.ledger) == 0


def test_a_question_that_cannot_be_answered_fails_alone(counting: CountingProcess) -> None:
    ledger = counting.connect(0)
    with pytest.raises(AdapterError, match="the process that counts quotas says: KeyError"):
        take(ledger)
    question = _Question(Future[int](), lambda amount, _: amount)
    ledger._ask(question, 9)
    with pytest.raises(AdapterError, match="unknown question 9"):
        question.future.result(PATIENCE)
    hold(ledger)
    assert take(ledger).amount == 1


def test_questions_fail_when_the_process_that_counts_is_gone() -> None:
    parent, worker = socket.socketpair()
    ledger = RemoteLedger(worker)
    under_way = ledger.take(Take(STORE, "cell", 5, 2.0, 1, False, MEMORY, "q", ""))
    parent.close()
    with pytest.raises(AdapterError, match="the process that counts quotas is gone"):
        under_way.result(PATIENCE)
    with pytest.raises(AdapterError, match="the process that counts quotas is gone"):
        ledger.release(1).result(PATIENCE)


def test_a_process_that_reads_nothing_is_told_and_nobody_waits_for_it() -> None:
    parent, worker = socket.socketpair()
    ledger = RemoteLedger(worker)
    with parent:
        questions = [ledger.take(Take(STORE, "c" * 5_000, 5, 2.0, 1, False, MEMORY, "q", "")) for _ in range(100)]
        with pytest.raises(AdapterError, match="does not keep up"):
            questions[-1].result(PATIENCE)
        assert not questions[0].done()


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(counting: CountingProcess) -> None:
    ledger = counting.connect(0)
    hold(ledger)
    assert ledger.take(Take(STORE, "cell", 5, 2.0, 5, False, MEMORY, "q", "")).cancel()
    assert take(ledger) == QuotaResult()


def test_bytes_that_are_no_message_end_the_connection(counting: CountingProcess) -> None:
    ledger = counting.connect(0)
    question = ledger.hold([STORE], {})
    question.result(PATIENCE)
    ledger._connection.sendall(b"\xc1")
    with pytest.raises(AdapterError, match="is gone"):
        ledger.release(1).result(PATIENCE)


@given(messages=st.lists(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()))))
def test_messages_arrive_whole_whatever_the_pieces(messages: list[list[object]]) -> None:
    stream = b"".join(pack(*message) for message in messages)
    reader = Messages()
    assert [message for byte in stream for message in reader.feed(bytes([byte]))] == messages
