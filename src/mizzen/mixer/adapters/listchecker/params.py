"""Parameters of listchecker."""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field

from mizzen.config import DurationNs, SpecModel
from mizzen.config.kinds import by_name_or_number


class EntryType(enum.IntEnum):
    """How the entries of the list are compared."""

    STRINGS = 0
    CASE_INSENSITIVE_STRINGS = 1
    IP_ADDRESSES = 2
    REGEX = 3


class ListParams(SpecModel):
    """`overrides` are entries beside those of the provider, as in the original; they override nothing."""

    caching_interval: DurationNs = Field(default=300_000_000_000, ge=0)
    caching_use_count: int = Field(default=10_000, ge=0, le=2**31 - 1)
    overrides: tuple[str, ...] = ()
    entry_type: Annotated[EntryType, by_name_or_number(EntryType)] = EntryType.STRINGS
    blacklist: bool = False
