"""Answers to Check, decoded: what a proxy would read out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from google.protobuf.json_format import MessageToDict

from mizzen.mixer.adapters import Code
from mizzen.wire import GLOBAL_WORDS
from mizzen.wire.pb.istio.mixer.v1 import mixer_pb2


@dataclass(frozen=True)
class Reference:
    """An attribute, or one key of a string map, that the answer depends on."""

    name: str
    key: str | None
    condition: str

    def __str__(self) -> str:
        key = "" if self.key is None else f"::{self.key}"
        return f"{self.name}{key} {self.condition}"


@dataclass(frozen=True)
class QuotaAnswer:
    """What was granted of one quota; `valid_for` in seconds, None: for ever."""

    name: str
    granted: int
    valid_for: float | None
    code: int
    message: str
    referenced: Sequence[Reference] = ()


@dataclass(frozen=True)
class Answer:
    """A Check's answer. `valid_for` in seconds, None: for ever; `uses` below 0: any number."""

    code: int
    message: str
    valid_for: float | None
    uses: int
    referenced: Sequence[Reference] = ()
    quotas: Sequence[QuotaAnswer] = ()
    directive: dict[str, Any] = field(default_factory=dict)
    generation: str = ""
    decision_id: str = ""

    @property
    def refused_quotas(self) -> list[str]:
        """Quotas of which nothing was granted."""
        return [quota.name for quota in self.quotas if quota.granted <= 0]

    @property
    def is_allowed(self) -> bool:
        return self.code == Code.OK and not self.refused_quotas

    def to_dict(self) -> dict[str, Any]:
        """The form for JSON."""
        entry: dict[str, Any] = {
            "allowed": self.is_allowed,
            "status": status_entry(self.code, self.message),
            "valid_for": self.valid_for,
            "uses": self.uses,
            "referenced": [asdict(reference) for reference in self.referenced],
            "quotas": [_quota_entry(quota) for quota in self.quotas],
        }
        optional = {"directive": self.directive, "generation": self.generation, "decision_id": self.decision_id}
        return entry | {name: value for name, value in optional.items() if value}


def status_entry(code: int, message: str) -> dict[str, Any]:
    """A status for JSON."""
    return {"code": code, "name": code_name(code), "message": message}


def code_name(code: int) -> str:
    """The name of a status code, or its number."""
    return Code(code).name if code in Code._value2member_map_ else str(code)


def decode_answer(encoded: bytes, generation: str = "", decision_id: str = "") -> Answer:
    """Raises ValueError for bytes that are no CheckResponse or refer to words that are in no dictionary."""
    try:
        response = mixer_pb2.CheckResponse.FromString(encoded)
    except Exception as error:  # protobuf's own kind of exception
        raise ValueError(f"the answer is no CheckResponse: {error}") from None
    return answer_of(response, generation, decision_id)


def answer_of(response: mixer_pb2.CheckResponse, generation: str = "", decision_id: str = "") -> Answer:
    """See `decode_answer`."""
    precondition = response.precondition
    directive: dict[str, Any] = {}
    if precondition.HasField("route_directive"):
        directive = MessageToDict(precondition.route_directive, preserving_proto_field_name=True)
    return Answer(
        code=precondition.status.code,
        message=precondition.status.message,
        valid_for=_seconds(precondition),
        uses=precondition.valid_use_count,
        referenced=_references(precondition.referenced_attributes),
        quotas=[
            QuotaAnswer(
                name=name,
                granted=result.granted_amount,
                valid_for=_seconds(result),
                code=result.status.code,
                message=result.status.message,
                referenced=_references(result.referenced_attributes),
            )
            for name, result in sorted(response.quotas.items())
        ],
        directive=directive,
        generation=generation,
        decision_id=decision_id,
    )


def _seconds(message: mixer_pb2.CheckResponse.PreconditionResult | mixer_pb2.CheckResponse.QuotaResult) -> float | None:
    return message.valid_duration.ToNanoseconds() / 1e9 if message.HasField("valid_duration") else None


def _references(message: mixer_pb2.ReferencedAttributes) -> list[Reference]:
    found = []
    for match in message.attribute_matches:
        name = _word(match.name, message.words)
        key = _word(match.map_key, message.words) if match.map_key else None
        condition = mixer_pb2.ReferencedAttributes.Condition.Name(match.condition)
        found.append(Reference(name, key, condition))
    return sorted(found, key=lambda one: (one.name, one.key or ""))


def _word(index: int, words: Sequence[str]) -> str:
    known, slot = (GLOBAL_WORDS, index) if index >= 0 else (words, -index - 1)
    if slot >= len(known):
        raise ValueError(f"the answer refers to word {index}, which is in no dictionary")
    return known[slot]


def _quota_entry(quota: QuotaAnswer) -> dict[str, Any]:
    return {
        "name": quota.name,
        "granted": quota.granted,
        "valid_for": quota.valid_for,
        "status": status_entry(quota.code, quota.message),
        "referenced": [asdict(reference) for reference in quota.referenced],
    }
