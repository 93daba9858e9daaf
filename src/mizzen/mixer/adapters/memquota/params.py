"""Parameters of memquota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from mizzen.config import DurationNs, SpecModel
from mizzen.mixer.adapters.quotas import MOST_UNITS

Amount = Annotated[int, Field(ge=0, le=MOST_UNITS)]
Validity = Annotated[DurationNs, Field(ge=0)]


class OverrideParams(SpecModel):
    """A limit for the instances whose dimensions have these texts. Its duration is its own: 0 unless given."""

    dimensions: Mapping[str, str] = Field(default_factory=dict)
    max_amount: Amount = 0
    valid_duration: Validity = 0


class QuotaParams(SpecModel):
    """The limits of the quota instance `name`. Duration 0 means units in use, which do not come back by themselves."""

    name: str = Field(min_length=1)
    max_amount: Amount = 0
    valid_duration: Validity = 0
    overrides: tuple[OverrideParams, ...] = ()


class MemQuotaParams(SpecModel):
    """An answer is repeated for the same deduplication id for once to twice `min_deduplication_duration`."""

    quotas: tuple[QuotaParams, ...] = ()
    min_deduplication_duration: DurationNs = Field(default=1_000_000_000, gt=0)
