"""Parameters of statsd."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.config.kinds import by_name_or_number
from mizzen.mixer.adapters.name_template import TemplateError, parse_template
from mizzen.mixer.adapters.network_address import Address

DEFAULT_FLUSH_NS = 300_000_000
DEFAULT_FLUSH_BYTES = 512
_LARGEST_DATAGRAM = 65_507


class Kind(enum.IntEnum):
    """What a metric is."""

    UNKNOWN = 0
    COUNTER = 1
    GAUGE = 2
    DISTRIBUTION = 3


def _check_template(text: str) -> str:
    try:
        parse_template(text)
    except TemplateError as error:
        raise invalid(str(error), 'text with {{.dimension}} or {{index . "dimension"}}') from None
    return text


class MetricParams(SpecModel):
    """How one instance is sent; without a template its name is that of the instance."""

    type: Annotated[Kind, by_name_or_number(Kind)] = Kind.UNKNOWN
    name_template: Annotated[str, AfterValidator(_check_template)] = ""


class StatsdParams(SpecModel):
    """`flush_duration` 0 and `flush_bytes` 0 stand for their defaults."""

    address: Address = "localhost:8125"
    prefix: str = ""
    flush_duration: DurationNs = Field(default=DEFAULT_FLUSH_NS, ge=0)
    flush_bytes: int = Field(default=DEFAULT_FLUSH_BYTES, ge=0, le=_LARGEST_DATAGRAM)
    sampling_rate: float = Field(default=1.0, ge=0, le=1)
    metrics: Mapping[str, MetricParams] = Field(default_factory=dict)
