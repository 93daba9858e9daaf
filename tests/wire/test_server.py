"""The native gRPC front, driven by a stock gRPC client."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import grpc
import pytest

from mizzen.wire import CheckCall, Pending, ReportCall, Server, encode_check_request
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2, mixer_pb2_grpc

from . import golden

PATIENCE = 20.0


def decide(pending: Pending) -> None:
    """What a Mixer does: allow, and take reports."""
    if pending.method == "Check":
        call = CheckCall(pending.request, pending.peer)
        call.get("source.uid")
        call.reply()
        pending.answer(call.response(), "generation-1")
    else:
        ReportCall(pending.request)
        pending.answer(b"", "generation-1")


@contextmanager
def serving(
    handler: Callable[[Pending], object], *, max_message: int = 4 << 20, max_queue: int = 4096
) -> Iterator[tuple[Server, mixer_pb2_grpc.MixerStub]]:
    server = Server(handler, max_message=max_message, max_queue=max_queue)
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield server, mixer_pb2_grpc.MixerStub(channel)
    finally:
        server.stop(0)


CHECK = mixer_pb2.CheckRequest.FromString(golden.CHECKS[0].encoded)


def failure(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as raised:
        call()
    error: Any = raised.value
    return error.code(), error.details()


def test_a_check_is_answered_with_the_generation() -> None:
    with serving(decide) as (_, stub):
        response, call = stub.Check.with_call(CHECK, timeout=PATIENCE)
        assert response.precondition.valid_use_count == 10_000
        assert ("mizzen-generation", "generation-1") in [(key, value) for key, value in call.initial_metadata()]


def test_a_report_is_answered() -> None:
    reports: list[int] = []

    def take(pending: Pending) -> None:
        reports.append(len(ReportCall(pending.request)))
        pending.answer(b"")

    with serving(take) as (_, stub):
        assert stub.Report(mixer_pb2.ReportRequest.FromString(golden.REPORT), timeout=PATIENCE) is not None
    assert reports == [2]


def test_a_call_knows_the_peer() -> None:
    peers: list[str] = []

    def remember(pending: Pending) -> None:
        peers.append(pending.peer)
        decide(pending)

    with serving(remember) as (_, stub):
        stub.Check(CHECK, timeout=PATIENCE)
    assert peers[0].startswith("ipv4:127.0.0.1:")


def test_a_failure_carries_code_text_and_generation() -> None:
    with serving(lambda pending: pending.fail(14, "später: 100%\n", "generation-2")) as (_, stub):
        with pytest.raises(grpc.RpcError) as raised:
            stub.Check(CHECK, timeout=PATIENCE)
        error: Any = raised.value
        assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "später: 100%\n")
        metadata = [*error.initial_metadata(), *error.trailing_metadata()]
        assert ("mizzen-generation", "generation-2") in [(key, value) for key, value in metadata]


def test_an_exception_is_internal_counted_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.append(args.exc_value))

    def fail(pending: Pending) -> None:
        raise LookupError("a secret of the server")

    with serving(fail) as (server, stub):
        code, text = failure(lambda: stub.Check(CHECK, timeout=PATIENCE))
        assert code is grpc.StatusCode.INTERNAL
        assert "secret" not in text
        assert server.stats()["exceptions"] == 1
    assert [type(error) for error in told] == [LookupError]


def test_a_call_dropped_without_an_answer_is_internal() -> None:
    with serving(lambda pending: None) as (_, stub):
        assert failure(lambda: stub.Check(CHECK, timeout=PATIENCE))[0] is grpc.StatusCode.INTERNAL


def test_another_thread_may_answer() -> None:
    with serving(lambda pending: threading.Thread(target=decide, args=(pending,)).start()) as (_, stub):
        assert stub.Check(CHECK, timeout=PATIENCE).HasField("precondition")


def test_a_call_is_answered_once() -> None:
    second: list[BaseException] = []

    def twice(pending: Pending) -> None:
        decide(pending)
        try:
            pending.answer(b"")
        except RuntimeError as error:
            second.append(error)
        assert pending.done

    with serving(twice) as (_, stub):
        stub.Check(CHECK, timeout=PATIENCE)
    assert "has been answered" in str(second[0])


def test_only_codes_of_failures_and_printable_generations_are_taken() -> None:
    problems: list[str] = []

    def misuse(pending: Pending) -> None:
        wrongs: list[Callable[[], None]] = [
            lambda: pending.fail(0, ""),
            lambda: pending.fail(17, ""),
            lambda: pending.answer(b"", "a\nb"),
        ]
        for wrong in wrongs:
            with pytest.raises(ValueError, match=r".") as raised:
                wrong()
            problems.append(str(raised.value))
        decide(pending)

    with serving(misuse) as (_, stub):
        stub.Check(CHECK, timeout=PATIENCE)
    assert problems[0] == "0 is no code of a failure: 1 to 16 are"
    assert "not printable ASCII" in problems[2]


def test_another_method_is_unimplemented() -> None:
    server = Server(decide)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        other: Any = channel.unary_unary("/istio.mixer.v1.Mixer/Guess")
        assert failure(lambda: other(b"", timeout=PATIENCE)) == (
            grpc.StatusCode.UNIMPLEMENTED,
            "unknown method /istio.mixer.v1.Mixer/Guess",
        )
    server.stop(0)


def test_a_message_beyond_the_limit_is_refused_and_the_next_call_goes_on() -> None:
    large = mixer_pb2.CheckRequest(deduplication_id="x" * 2000)
    with serving(decide, max_message=1000) as (_, stub):
        code, text = failure(lambda: stub.Check(large, timeout=PATIENCE))
        assert code is grpc.StatusCode.OUT_OF_RANGE
        assert "1000" in text
        assert stub.Check(CHECK, timeout=PATIENCE).HasField("precondition")


def test_a_compressed_message_is_read() -> None:
    seen: list[str] = []

    def remember(pending: Pending) -> None:
        seen.append(CheckCall(pending.request).deduplication_id)
        decide(pending)

    large = mixer_pb2.CheckRequest(deduplication_id="x" * 2000)
    with serving(remember) as (_, stub):
        stub.Check(large, timeout=PATIENCE, compression=grpc.Compression.Gzip)
    assert seen == ["x" * 2000]


def test_a_compressed_message_that_grows_beyond_the_limit_is_refused() -> None:
    bomb = mixer_pb2.CheckRequest(deduplication_id="x" * 1_000_000)
    with serving(decide, max_message=10_000) as (_, stub):
        with pytest.raises(grpc.RpcError):
            stub.Check(bomb, timeout=PATIENCE, compression=grpc.Compression.Gzip)
        assert stub.Check(CHECK, timeout=PATIENCE).HasField("precondition")


def test_a_large_message_within_the_limit_arrives_whole() -> None:
    bag = {f"attribute.{number}": "v" * 1000 for number in range(2000)}
    request = mixer_pb2.CheckRequest.FromString(encode_check_request(bag))
    sizes: list[int] = []

    def count(pending: Pending) -> None:
        sizes.append(len(CheckCall(pending.request).bag()))
        decide(pending)

    with serving(count) as (_, stub):
        stub.Check(request, timeout=PATIENCE)
    assert sizes == [2000]


def test_calls_that_come_together_are_handed_over_together() -> None:
    with serving(decide) as (server, stub):
        answers = [stub.Check.future(CHECK, timeout=PATIENCE) for _ in range(300)]
        assert all(answer.result().HasField("precondition") for answer in answers)
        stats = server.stats()
        assert stats["calls"] == 300
        assert stats["batches"] < 300
        assert stats["connections"] == 1


def test_calls_beyond_the_queue_are_shed_and_counted() -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait(pending: Pending) -> None:
        entered.set()
        assert go_on.wait(PATIENCE)
        decide(pending)

    with serving(wait, max_queue=1) as (server, stub):
        answers = [stub.Check.future(CHECK, timeout=PATIENCE)]
        assert entered.wait(PATIENCE)
        answers += [stub.Check.future(CHECK, timeout=PATIENCE) for _ in range(100)]
        threading.Timer(0.2, go_on.set).start()
        codes = [answer.code() for answer in answers]
        assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        assert codes.count(grpc.StatusCode.UNAVAILABLE) == server.stats()["shed"]


def test_a_call_whose_client_left_is_done() -> None:
    held: Queue[Pending] = Queue()
    with serving(held.put) as (_, stub):
        assert failure(lambda: stub.Check(CHECK, timeout=0.2))[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        left = held.get(timeout=PATIENCE)
        # the end of the first call has arrived once a second one has
        later = stub.Check.future(CHECK, timeout=PATIENCE)
        waiting = held.get(timeout=PATIENCE)
        assert (left.done, waiting.done) == (True, False)
        decide(waiting)
        assert later.result().HasField("precondition")


def test_a_call_whose_client_left_while_it_queued_is_not_handed_over() -> None:
    entered, go_on = threading.Event(), threading.Event()
    handed: list[Pending] = []

    def wait(pending: Pending) -> None:
        handed.append(pending)
        entered.set()
        assert go_on.wait(PATIENCE)
        decide(pending)

    with serving(wait) as (server, stub):
        first = stub.Check.future(CHECK, timeout=PATIENCE)
        assert entered.wait(PATIENCE)
        assert failure(lambda: stub.Check(CHECK, timeout=0.1))[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        go_on.set()
        assert first.result().HasField("precondition")
        assert stub.Check(CHECK, timeout=PATIENCE).HasField("precondition")
        assert server.stats()["exceptions"] == 0
    assert len(handed) == 2


def test_stopping_lets_open_calls_finish_and_refuses_new_ones() -> None:
    held: list[Pending] = []
    entered = threading.Event()

    def hold(pending: Pending) -> None:
        held.append(pending)
        entered.set()

    with serving(hold) as (server, stub):
        answer = stub.Check.future(CHECK, timeout=PATIENCE)
        assert entered.wait(PATIENCE)
        stopping = threading.Thread(target=server.stop, args=(PATIENCE,))
        stopping.start()
        decide(held[0])
        assert answer.result().HasField("precondition")
        stopping.join(PATIENCE)
        assert not stopping.is_alive()
        assert failure(lambda: stub.Check(CHECK, timeout=PATIENCE))[0] is grpc.StatusCode.UNAVAILABLE


def test_stopping_cuts_calls_off_after_the_grace() -> None:
    entered = threading.Event()
    held: list[Pending] = []

    def hold(pending: Pending) -> None:
        held.append(pending)
        entered.set()

    with serving(hold) as (server, stub):
        answer = stub.Check.future(CHECK, timeout=PATIENCE)
        assert entered.wait(PATIENCE)
        server.stop(0.05)
        server.stop(0.05)
        assert answer.code() is grpc.StatusCode.UNAVAILABLE
        assert held[0].done


def test_a_server_starts_once() -> None:
    server = Server(decide)
    server.start()
    with pytest.raises(RuntimeError, match="started once"):
        server.start()
    server.stop()
    with pytest.raises(RuntimeError, match="started once"):
        server.start()


def test_a_port_in_use_is_an_os_error() -> None:
    first = Server(decide)
    with pytest.raises(OSError, match="in use"):
        Server(decide, port=first.port)


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ("max_message", "max_queue", "max_batch", "max_connections"):
        with pytest.raises(ValueError, match=f"{wrong} 0 is not within"):
            Server(decide, **{wrong: 0})  # type: ignore[arg-type]
    for wrong in ("keepalive", "keepalive_timeout", "max_age", "age_grace"):
        with pytest.raises(ValueError, match=f"{wrong} -1 is no number of seconds"):
            Server(decide, **{wrong: -1.0})  # type: ignore[arg-type]


HOLDING = """
import threading, grpc
from mizzen.wire import Server
entered = threading.Event()
held = []
def hold(pending):
    held.append(pending)
    entered.set()
server = Server(hold)
server.start()
channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
call = channel.unary_unary("/istio.mixer.v1.Mixer/Check").future(b"")
assert entered.wait(20)
channel.close()
"""


@pytest.mark.parametrize("program", ["from mizzen.wire import Server; s = Server(print); s.start()", HOLDING])
def test_a_process_may_end_without_stopping_its_server(program: str) -> None:
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
