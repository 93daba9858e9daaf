"""Parameters of fluentd."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.mixer.adapters.client_tls import ClientTls
from mizzen.mixer.adapters.network_address import Address

DEFAULT_ENTRIES = 1024
DEFAULT_BATCH_BYTES = 8 * 2**20
DEFAULT_INTERVAL_NS = 60_000_000_000
_MOST_ENTRIES = 2**20
_LARGEST_BATCH = 2**30


def _positive(value: int) -> int:
    if value < 0:
        raise invalid("is negative: value must be a positive number", "a positive number, or 0 for the default")
    return value


def _positive_duration(value: int) -> int:
    if value < 0:
        raise invalid("is negative: duration must be positive", "a positive duration, or 0s for the default")
    return value


_Duration = Annotated[DurationNs, AfterValidator(_positive_duration)]


class FluentdParams(SpecModel):
    """0 stands for the default of each limit: 1024 entries, 8 MiB, one minute, one minute."""

    address: Address = "localhost:24224"
    integer_duration: bool = False
    instance_buffer_size: Annotated[int, AfterValidator(_positive), Field(le=_MOST_ENTRIES)] = 0
    max_batch_size_bytes: Annotated[int, AfterValidator(_positive), Field(le=_LARGEST_BATCH)] = 0
    push_interval_duration: _Duration = 0
    push_timeout_duration: _Duration = 0
    require_ack: bool = False
    shared_key: SecretStr = SecretStr("")
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: ClientTls | None = None

    @model_validator(mode="after")
    def _user_has_a_key(self) -> FluentdParams:
        if self.username and not self.shared_key.get_secret_value():
            raise invalid("has a username and no shared_key", "a shared_key too: users are proved in its handshake")
        return self
