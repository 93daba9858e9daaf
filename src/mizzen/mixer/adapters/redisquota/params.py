"""Parameters of redisquota."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.config.kinds import by_name_or_number
from mizzen.mixer.adapters.quotas import MOST_UNITS
from mizzen.mixer.adapters.redisquota.address import AddressError, parse_address

_LONGEST_NS = 366 * 86_400 * 1_000_000_000
_Amount = Annotated[int, Field(ge=0, le=MOST_UNITS)]


class Algorithm(enum.IntEnum):
    """How units come back: all at the end of a window, or each after the length of the window."""

    FIXED_WINDOW = 0
    ROLLING_WINDOW = 1


class OverrideParams(SpecModel):
    """Another limit for the instances whose dimensions have these texts; window and algorithm are the quota's."""

    dimensions: Mapping[str, str] = Field(min_length=1)
    max_amount: int = Field(gt=0, le=MOST_UNITS)


class QuotaParams(SpecModel):
    """The limits of the quota instance `name`. `bucket_duration` is for rolling windows: how finely they roll."""

    name: str = Field(min_length=1)
    max_amount: _Amount = 0
    valid_duration: DurationNs = Field(ge=1_000_000, le=_LONGEST_NS)
    bucket_duration: DurationNs = Field(default=0, ge=0)
    rate_limit_algorithm: Annotated[Algorithm, by_name_or_number(Algorithm)] = Algorithm.FIXED_WINDOW
    overrides: tuple[OverrideParams, ...] = ()

    @model_validator(mode="after")
    def _buckets_fit(self) -> QuotaParams:
        if self.rate_limit_algorithm is Algorithm.ROLLING_WINDOW:
            if self.bucket_duration < 1_000_000:
                raise invalid("has no bucket_duration", "ROLLING_WINDOW with a bucket_duration of at least 1ms")
            if self.bucket_duration >= self.valid_duration:
                raise invalid("has a bucket_duration that is not shorter than valid_duration", "a shorter one")
        return self


def _check_address(url: SecretStr) -> SecretStr:
    try:
        parse_address(url.get_secret_value())
    except AddressError as error:
        raise invalid(str(error), "host:port, or a redis, rediss, unix, redis+cluster or redis+sentinel URL") from None
    return url


class RedisQuotaParams(SpecModel):
    """`redis_server_url` may hold a password and is never shown. With `fail_open` everything is granted while Redis
    cannot be asked; else everything is refused then."""

    redis_server_url: Annotated[SecretStr, AfterValidator(_check_address)] = SecretStr("localhost:6379")
    connection_pool_size: int = Field(default=10, ge=0, le=10_000)
    quotas: tuple[QuotaParams, ...] = Field(min_length=1)
    timeout: DurationNs = Field(default=500_000_000, gt=0)
    fail_open: bool = False
    key_prefix: str = "mizzen-quota"
