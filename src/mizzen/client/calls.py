"""Check, Report and Explain as plain calls on one channel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from mizzen import wire
from mizzen.client.answer import Answer, answer_of, decode_answer
from mizzen.mixer.expr import Value
from mizzen.wire import QuotaParams, encode_check_request, encode_report_request

if TYPE_CHECKING:
    _Method: TypeAlias = grpc.UnaryUnaryMultiCallable[bytes, bytes]

_CHECK = "/istio.mixer.v1.Mixer/Check"
_REPORT = "/istio.mixer.v1.Mixer/Report"
_EXPLAIN = "/mizzen.mixer.v1.Explain/Check"
GENERATION = "mizzen-generation"
DECISION_ID = "mizzen-decision-id"


class CallFailedError(Exception):
    """A call that ended without an answer: the gRPC status, its text as a person reads it, and the decision's id."""

    def __init__(self, code: int, name: str, message: str, address: str, decision_id: str = "") -> None:
        super().__init__(f"{address}: {name}: {message}" + (f" (decision {decision_id})" if decision_id else ""))
        self.code = code
        self.name = name
        self.message = message
        self.decision_id = decision_id


@dataclass(frozen=True)
class Explained:
    """An explained Check. `answer` is None when the Mixer could not decide: `explanation["error"]` says why."""

    answer: Answer | None
    explanation: Mapping[str, Any]


class MixerClient:
    """Calls over one channel; safe to share between threads. Every method raises `CallFailedError`."""

    def __init__(self, channel: grpc.Channel, address: str, timeout_seconds: float = 10.0) -> None:
        self._address = address
        self._timeout = timeout_seconds
        self._check: _Method = channel.unary_unary(_CHECK)
        self._report: _Method = channel.unary_unary(_REPORT)
        self._explain: _Method = channel.unary_unary(_EXPLAIN)

    def check(
        self, attributes: Mapping[str, Value], quotas: Mapping[str, QuotaParams], deduplication_id: str = ""
    ) -> Answer:
        """Asks whether the request with `attributes` may pass."""
        response, metadata = self._call(self._check, _request(attributes, quotas, deduplication_id))
        try:
            return decode_answer(response, metadata.get(GENERATION, ""), metadata.get(DECISION_ID, ""))
        except ValueError as error:
            raise CallFailedError(2, "UNKNOWN", str(error), self._address) from None

    def explain(
        self, attributes: Mapping[str, Value], quotas: Mapping[str, QuotaParams], deduplication_id: str = ""
    ) -> Explained:
        """As `check`, and how it was decided. UNIMPLEMENTED where the Mixer cannot explain."""
        from mizzen.wire.pb.mizzen.mixer.v1 import explain_pb2

        response, metadata = self._call(self._explain, _request(attributes, quotas, deduplication_id))
        try:
            explained = explain_pb2.ExplainedCheck.FromString(response)
            explanation: Mapping[str, Any] = json.loads(explained.explanation)
            if not explained.HasField("response"):
                return Explained(None, explanation)
            identity = metadata.get(GENERATION, ""), metadata.get(DECISION_ID, "")
            return Explained(answer_of(explained.response, *identity), explanation)
        except Exception as error:  # protobuf has its own kind of exception
            raise CallFailedError(2, "UNKNOWN", f"the answer cannot be read: {error}", self._address) from None

    def report(self, records: Sequence[Mapping[str, Value]]) -> None:
        """Reports `records` in one call."""
        self._call(self._report, encode_report_request([_plain(record) for record in records]))

    def _call(self, method: _Method, request: bytes) -> tuple[bytes, Mapping[str, str]]:
        try:
            response, call = method.with_call(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise _failed(error, self._address) from None
        return response, {key: str(value) for key, value in call.initial_metadata() or ()}


def _failed(error: Any, address: str) -> CallFailedError:
    """`error` is a `grpc.RpcError`, whose methods have no types."""
    code = error.code()
    metadata = dict([*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())])
    text, identity = str(error.details() or "").strip(), str(metadata.get(DECISION_ID, ""))
    return CallFailedError(code.value[0], code.name, text, address, identity)


def _request(attributes: Mapping[str, Value], quotas: Mapping[str, QuotaParams], deduplication_id: str) -> bytes:
    return encode_check_request(_plain(attributes), quotas=dict(quotas), deduplication_id=deduplication_id)


def _plain(attributes: Mapping[str, Value]) -> Mapping[str, wire.Value]:
    """Maps as the dictionaries that the codec wants."""
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in attributes.items()}
