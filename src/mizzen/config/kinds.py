"""Spec models of the Mixer's generic kinds: Istio's field names and meanings (policy/v1beta1 of istio/api 1.4).

The specs of the legacy kinds (`denier`, `metric`, …) are the parameters of the adapter or template of that name and
live with it. Limits of size keep a single document from costing unbounded time at every reload.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field

from mizzen.config.duration import DurationNs
from mizzen.config.headers import HeaderName, RequestHeaderName
from mizzen.config.spec import SpecModel, invalid

_HOUR_NS = 3_600_000_000_000

Names = TypeVar("Names", bound=enum.IntEnum)

ExpressionLanguage: TypeAlias = Literal["cexl", "cel"]
"""The attribute language of Istio's Mixer, or CEL."""


def by_name_or_number(names: type[Names]) -> BeforeValidator:
    """Reads a proto enum: its name, or its number, as proto3 JSON allows."""

    def read(value: object) -> object:
        if isinstance(value, str) and value in names.__members__:
            return names[value]
        if isinstance(value, int) and not isinstance(value, bool) and value in names._value2member_map_:
            return names(value)
        raise invalid("is not one of the known values", ", ".join(names.__members__))

    written: Any = Literal[(*names.__members__, *(one.value for one in names))]
    return BeforeValidator(read, json_schema_input_type=written)


class ValueTypeName(enum.IntEnum):
    """`istio.policy.v1beta1.ValueType`, names and numbers."""

    VALUE_TYPE_UNSPECIFIED = 0
    STRING = 1
    INT64 = 2
    DOUBLE = 3
    BOOL = 4
    TIMESTAMP = 5
    IP_ADDRESS = 6
    EMAIL_ADDRESS = 7
    URI = 8
    DNS_NAME = 9
    DURATION = 10
    STRING_MAP = 11


class AttributeInfo(SpecModel):
    description: str = ""
    value_type: Annotated[ValueTypeName, by_name_or_number(ValueTypeName)]


class AttributeManifest(SpecModel):
    """Kind `attributemanifest`: declares attributes and their types."""

    revision: str = ""
    name: str = ""
    attributes: Mapping[str, AttributeInfo] = Field(default_factory=dict)


class CallLimits(SpecModel):
    """Limits of the calls of one handler. `threads` counts for methods that may block, `open` also for asynchronous
    ones: further calls fail at once. An addition to Istio's API."""

    timeout: DurationNs = Field(default=5_000_000_000, gt=0, le=_HOUR_NS)
    threads: int = Field(default=8, ge=1, le=256)
    open: int = Field(default=256, ge=1, le=65536)


class QuarantineLimits(SpecModel):
    """When a handler is not called for a while: see `mizzen.mixer.calling.quarantine`. 0 failures: never."""

    failures: int = Field(default=5, ge=0, le=1000)
    window: DurationNs = Field(default=30_000_000_000, gt=0, le=_HOUR_NS)
    pause: DurationNs = Field(default=10_000_000_000, gt=0, le=_HOUR_NS)


class Handler(SpecModel):
    """Kind `handler`: an adapter and its parameters. `name` is read and ignored: the metadata name counts."""

    name: str = ""
    compiled_adapter: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    calls: CallLimits = CallLimits()
    quarantine: QuarantineLimits = QuarantineLimits()


class Instance(SpecModel):
    """Kind `instance`: a template and an expression for each of its fields. `language` adds to Istio's API."""

    name: str = ""
    language: ExpressionLanguage = "cexl"
    compiled_template: str
    params: Mapping[str, Any] = Field(default_factory=dict)
    attribute_bindings: Mapping[str, str] = Field(default_factory=dict)


class Action(SpecModel):
    handler: str = Field(min_length=1)
    instances: tuple[str, ...] = Field(min_length=1)
    name: str = ""


class HeaderOperationKind(enum.IntEnum):
    REPLACE = 0
    REMOVE = 1
    APPEND = 2


class HeaderOperation(SpecModel):
    name: RequestHeaderName
    values: tuple[str, ...] = ()
    operation: Annotated[HeaderOperationKind, by_name_or_number(HeaderOperationKind)] = HeaderOperationKind.REPLACE


class ResponseHeaderOperation(HeaderOperation):
    name: HeaderName


class FailurePolicy(enum.IntEnum):
    """What a rule does when one of its handlers cannot answer."""

    FAIL_CALL = 0
    FAIL_OPEN = 1
    FAIL_CLOSE = 2


class FractionDenominator(enum.IntEnum):
    HUNDRED = 0
    TEN_THOUSAND = 1

    @property
    def parts(self) -> int:
        return 10_000 if self is FractionDenominator.TEN_THOUSAND else 100


class FractionalPercent(SpecModel):
    """`numerator` of `denominator`; more than the denominator is all."""

    numerator: int = Field(default=0, ge=0, le=2**32 - 1)
    denominator: Annotated[FractionDenominator, by_name_or_number(FractionDenominator)] = FractionDenominator.HUNDRED


class RandomSampling(SpecModel):
    """A part of the requests, chosen by `x-request-id`, or independently."""

    attribute_expression: str = ""
    percent_sampled: FractionalPercent = FractionalPercent()
    use_independent_randomness: bool = False


class RateLimitSampling(SpecModel):
    """Of each window the first `max_unsampled_entries`, then one of `sampling_rate`; 0: none."""

    sampling_duration: DurationNs = Field(gt=0, le=24 * _HOUR_NS)
    max_unsampled_entries: int = Field(default=0, ge=0, lt=2**63)
    sampling_rate: int = Field(default=0, ge=0, lt=2**63)


class Sampling(SpecModel):
    """For which of the requests that match a rule applies; with both, those that pass both."""

    random: RandomSampling | None = None
    rate_limit: RateLimitSampling | None = None


class Rule(SpecModel):
    """Kind `rule`: when `match` holds, the actions run and, on an OK, the header operations apply.

    `language` (of the condition, header values and the sampling's expression) and `failure_policy` are additions to
    Istio's API.
    """

    language: ExpressionLanguage = "cexl"
    match: str = ""
    actions: tuple[Action, ...] = ()
    request_header_operations: tuple[HeaderOperation, ...] = ()
    response_header_operations: tuple[ResponseHeaderOperation, ...] = ()
    sampling: Sampling | None = None
    failure_policy: Annotated[FailurePolicy, by_name_or_number(FailurePolicy)] = FailurePolicy.FAIL_CALL
