"""Parameters of listchecker."""

from __future__ import annotations

import enum
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.config.kinds import by_name_or_number


class EntryType(enum.IntEnum):
    """How the entries of the list are compared."""

    STRINGS = 0
    CASE_INSENSITIVE_STRINGS = 1
    IP_ADDRESSES = 2
    REGEX = 3


def _check_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        complete = bool(parts.hostname) if parts.scheme in ("http", "https") else parts.scheme == "file" and parts.path
        _ = parts.port
    except ValueError:
        complete = False
    if text and not complete:
        raise invalid("is not a URL with scheme and host", "an http, https or file URL")
    return url


class ListParams(SpecModel):
    """`overrides` are entries beside those of the provider, as in the original; they override nothing.

    `provider_url` may hold a password and is never shown. With `fail_open` what the overrides do not decide is allowed
    while there is no list; else it is refused then.
    """

    provider_url: Annotated[SecretStr, AfterValidator(_check_url)] = SecretStr("")
    refresh_interval: DurationNs = Field(default=60_000_000_000, ge=1_000_000_000)
    ttl: DurationNs = 300_000_000_000
    caching_interval: DurationNs = Field(default=300_000_000_000, ge=0)
    caching_use_count: int = Field(default=10_000, ge=0, le=2**31 - 1)
    overrides: tuple[str, ...] = ()
    entry_type: Annotated[EntryType, by_name_or_number(EntryType)] = EntryType.STRINGS
    blacklist: bool = False
    fetch_timeout: DurationNs = Field(default=5_000_000_000, gt=0)
    max_bytes: int = Field(default=16 * 2**20, gt=0)
    fail_open: bool = False

    @model_validator(mode="after")
    def _list_outlives_refresh(self) -> ListParams:
        if self.provider_url.get_secret_value() and self.ttl < self.refresh_interval:
            raise invalid("has a ttl that is shorter than refresh_interval", "ttl at least as long as refresh_interval")
        return self
