"""Parameters of prometheus, and the upper bounds that a bucket definition stands for."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.config.kinds import by_name_or_number

DEFAULT_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MOST_BUCKETS = 1000
_Count = Annotated[int, Field(ge=1, le=_MOST_BUCKETS)]


class Kind(enum.IntEnum):
    """What a metric is."""

    UNSPECIFIED = 0
    GAUGE = 1
    COUNTER = 2
    DISTRIBUTION = 3


class ExplicitBuckets(SpecModel):
    bounds: tuple[float, ...] = Field(min_length=1, max_length=_MOST_BUCKETS)

    def upper_bounds(self) -> tuple[float, ...]:
        return self.bounds


class LinearBuckets(SpecModel):
    """`num_finite_buckets` + 1 bounds: offset, offset + width, …"""

    num_finite_buckets: _Count
    width: float = Field(gt=0)
    offset: float = 0.0

    def upper_bounds(self) -> tuple[float, ...]:
        return tuple(self.offset + index * self.width for index in range(self.num_finite_buckets + 1))


class ExponentialBuckets(SpecModel):
    """`num_finite_buckets` + 1 bounds: scale, scale · growth_factor, …"""

    num_finite_buckets: _Count
    growth_factor: float = Field(gt=1)
    scale: float = Field(gt=0)

    def upper_bounds(self) -> tuple[float, ...]:
        return tuple(self.scale * float(self.growth_factor) ** index for index in range(self.num_finite_buckets + 1))


class Buckets(SpecModel):
    """One of the three definitions."""

    explicit_buckets: ExplicitBuckets | None = None
    linear_buckets: LinearBuckets | None = None
    exponential_buckets: ExponentialBuckets | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Buckets:
        given = [definition for definition in self._definitions() if definition]
        if len(given) != 1:
            raise invalid(
                "does not have exactly one definition", "explicit_buckets, linear_buckets or exponential_buckets"
            )
        return self

    def upper_bounds(self) -> tuple[float, ...]:
        """The bounds without +Inf; may overflow or repeat, which `validate` of the adapter reports."""
        try:
            return next(definition.upper_bounds() for definition in self._definitions() if definition)
        except OverflowError:
            return (float("nan"),)

    def _definitions(self) -> tuple[ExplicitBuckets | LinearBuckets | ExponentialBuckets | None, ...]:
        return self.explicit_buckets, self.linear_buckets, self.exponential_buckets


class MetricParams(SpecModel):
    """One metric: the instance `instance_name` feeds the series of `<namespace>_<name>`.

    `exemplar_labels` are dimensions by the label of the exemplar that they fill; they are no labels of the series.
    """

    instance_name: str = Field(min_length=1)
    namespace: str = ""
    name: str = ""
    description: str = ""
    kind: Annotated[Kind, by_name_or_number(Kind)] = Kind.UNSPECIFIED
    buckets: Buckets | None = None
    label_names: tuple[str, ...] = ()
    exemplar_labels: Mapping[str, str] = Field(default_factory=dict)


class ExpirationPolicy(SpecModel):
    """Series that were not updated for `metrics_expiry_duration` are removed; 0 as the interval means half of it."""

    metrics_expiry_duration: DurationNs = Field(gt=0)
    expiry_check_interval_duration: DurationNs = Field(default=0, ge=0)


class PrometheusParams(SpecModel):
    metrics: tuple[MetricParams, ...] = ()
    metrics_expiration_policy: ExpirationPolicy | None = None
