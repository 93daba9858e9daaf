"""denier: refuses everything that rules send to it, with a status and, if wanted, an HTTP answer of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.config.headers import HeaderName, HeaderValue
from mizzen.config.schema import SPELLING
from mizzen.mixer.adapters.base import Adapter
from mizzen.mixer.adapters.environment import Environment
from mizzen.mixer.adapters.http_status import HttpStatusCode
from mizzen.mixer.adapters.results import CheckResult, Code, DirectResponse, QuotaArguments, QuotaResult, Status
from mizzen.mixer.templates import Instance, InstanceTypes, Problem

_DIRECT_RESPONSE_TYPES = Literal[
    "type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse",
    "type.googleapis.com/istio.policy.v1beta1.directHttpResponse",
]


def _read_code(value: object) -> object:
    if isinstance(value, str) and value in Code.__members__:
        return int(Code[value])
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= max(Code):
        return value
    raise invalid("is not a status code", f"0 to {int(max(Code))}, or one of {', '.join(Code.__members__)}")


class ResponseParams(SpecModel):
    """What the refused client gets; code 0 stands for the HTTP translation of the status code."""

    code: HttpStatusCode = 0
    headers: Mapping[HeaderName, HeaderValue] = Field(default_factory=dict)
    body: str = ""


class DirectHttpResponseDetail(ResponseParams):
    """Istio's way to give the same: a `DirectHttpResponse` among the details of the status."""

    type_url: _DIRECT_RESPONSE_TYPES = Field(alias="@type", json_schema_extra={SPELLING: "@type"})


class StatusParams(SpecModel):
    """`google.rpc.Status`."""

    code: Annotated[int, BeforeValidator(_read_code, json_schema_input_type=int | str)] = int(Code.FAILED_PRECONDITION)
    message: str = ""
    details: tuple[DirectHttpResponseDetail, ...] = Field(default=(), max_length=1)


class DenierParams(SpecModel):
    """Defaults are the original's."""

    status: StatusParams = StatusParams()
    valid_duration: DurationNs = Field(default=5_000_000_000, ge=0)
    valid_use_count: int = Field(default=1000, ge=0, le=2**31 - 1)
    response: ResponseParams | None = None


class DenierAdapter(Adapter):
    """Gives the same prepared answer to every check; grants nothing of any quota.

    A quota answer has status OK and amount 0, as the original's: the client turns that into a refusal.
    """

    name = "denier"
    templates = frozenset(["checknothing", "listentry", "quota"])
    Params = DenierParams

    def __init__(self, params: DenierParams, environment: Environment) -> None:
        super().__init__(params, environment)
        self._refused = CheckResult(
            status=Status(params.status.code, params.status.message),
            valid_for=params.valid_duration / 1e9,
            uses=params.valid_use_count,
            direct_response=_direct_response(params),
        )

    @classmethod
    def validate(cls, params: DenierParams, instances: Mapping[str, InstanceTypes]) -> tuple[Problem, ...]:
        if params.response and params.status.details:
            reason = "is given beside a DirectHttpResponse in status.details"
            return (Problem(("response",), params.response.model_dump(), reason, "one of the two"),)
        return ()

    def check(self, instance: Instance) -> CheckResult:
        return self._refused

    def quota(self, instance: Instance, arguments: QuotaArguments) -> QuotaResult:
        return QuotaResult()


def _direct_response(params: DenierParams) -> DirectResponse | None:
    given = params.response or next(iter(params.status.details), None)
    return DirectResponse(given.code, dict(given.headers), given.body) if given else None
