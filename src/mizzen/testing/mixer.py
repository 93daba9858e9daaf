"""A Mixer with scripted answers: a real gRPC server that records, decoded, what it was asked and told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import grpc

from mizzen.agent.address import HostPort
from mizzen.testing.answers import CheckAnswer, ReportAnswer, check_response
from mizzen.testing.bags import Attributes, Value, decode_bag, decode_report
from mizzen.testing.waiting import wait_until
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2 as pb

WORKERS = 128


@dataclass(frozen=True)
class ReceivedCheck:
    """One Check call: the bag, `quotas` as name → (amount, best effort), and the call's metadata."""

    attributes: Attributes
    deduplication_id: str
    global_word_count: int
    quotas: Mapping[str, tuple[int, bool]]
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class ReceivedReport:
    """One Report call: its bags in order, and the call's metadata."""

    bags: tuple[Attributes, ...]
    global_word_count: int
    metadata: Mapping[str, str]


CheckScript: TypeAlias = "CheckAnswer | Callable[[ReceivedCheck], CheckAnswer]"
ReportScript: TypeAlias = "ReportAnswer | Callable[[ReceivedReport], ReportAnswer]"


class FakeMixer:
    """Serves `istio.mixer.v1.Mixer` on 127.0.0.1 and a free port (or `port`).

    `on_check` and `on_report` hold the answers, or functions that choose them; both may be changed at any time.
    `checks` and `report_calls` hold what arrived, oldest first, `reports` all reported bags one after the other.
    """

    def __init__(
        self, on_check: CheckScript | None = None, on_report: ReportScript | None = None, port: int = 0
    ) -> None:
        self.on_check: CheckScript = on_check or CheckAnswer()
        self.on_report: ReportScript = on_report or ReportAnswer()
        self.checks: list[ReceivedCheck] = []
        self.report_calls: list[ReceivedReport] = []
        self.stopping = threading.Event()
        self.server = grpc.server(ThreadPoolExecutor(max_workers=WORKERS))
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Check": grpc.unary_unary_rpc_method_handler(
                self.check, pb.CheckRequest.FromString, pb.CheckResponse.SerializeToString
            ),
            "Report": grpc.unary_unary_rpc_method_handler(
                self.report, pb.ReportRequest.FromString, pb.ReportResponse.SerializeToString
            ),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("istio.mixer.v1.Mixer", handlers),))
        self.address = HostPort("127.0.0.1", self.server.add_insecure_port(f"127.0.0.1:{port}"))

    @property
    def reports(self) -> list[Attributes]:
        return [bag for call in list(self.report_calls) for bag in call.bags]

    def wait_for_reports(self, count: int, seconds: float = 10.0) -> list[Attributes]:
        """All bags once at least `count` have arrived; `TimeoutError` tells how many did otherwise."""
        try:
            wait_until(lambda: len(self.reports) >= count, f"{count} reports", seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; arrived: {len(self.reports)}") from None
        return self.reports

    def wait_for_report(self, name: str, value: Value, seconds: float = 10.0) -> Attributes:
        """The first reported bag whose attribute `name` is `value`, now or as soon as it arrives."""
        found = wait_until(lambda: self.find_report(name, value), f"a report with {name} {value!r}", seconds)
        return found or {}

    def find_report(self, name: str, value: Value) -> Attributes | None:
        return next((bag for bag in self.reports if bag.get(name) == value), None)

    def wait_for_checks(self, count: int, seconds: float = 10.0) -> list[ReceivedCheck]:
        wait_until(lambda: len(self.checks) >= count, f"{count} checks", seconds)
        return list(self.checks)

    def forget(self) -> None:
        """Drop what was recorded."""
        self.checks.clear()
        self.report_calls.clear()

    def check(self, request: pb.CheckRequest, context: Any) -> pb.CheckResponse:
        received = ReceivedCheck(
            decode_bag(request.attributes),
            request.deduplication_id,
            request.global_word_count,
            {name: (asked.amount, asked.best_effort) for name, asked in request.quotas.items()},
            metadata_of(context),
        )
        self.checks.append(received)
        answer = self.on_check if isinstance(self.on_check, CheckAnswer) else self.on_check(received)
        self.answer_or_fail(answer, context)
        return check_response(answer, request)

    def report(self, request: pb.ReportRequest, context: Any) -> pb.ReportResponse:
        received = ReceivedReport(tuple(decode_report(request)), request.global_word_count, metadata_of(context))
        self.report_calls.append(received)
        answer = self.on_report if isinstance(self.on_report, ReportAnswer) else self.on_report(received)
        self.answer_or_fail(answer, context)
        return pb.ReportResponse()

    def answer_or_fail(self, answer: CheckAnswer | ReportAnswer, context: Any) -> None:
        deadline = time.monotonic() + answer.delay
        while context.is_active() and (left := deadline - time.monotonic()) > 0 and not self.stopping.is_set():
            self.stopping.wait(min(left, 0.05))
        if answer.metadata:
            context.send_initial_metadata(tuple(answer.metadata.items()))
        if answer.grpc_code is not None:
            context.abort(answer.grpc_code, answer.grpc_message)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End at once: calls under way are cancelled, connections closed."""
        ended = self.server.stop(None)
        self.stopping.set()
        ended.wait()


def metadata_of(context: Any) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else value.decode("latin-1")
        for key, value in context.invocation_metadata()
    }
