"""Parameters of zipkin."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.mixer.adapters.client_tls import ClientTls

_HOUR_NS = 3_600_000_000_000


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        complete = False
    if not complete or parts.username or parts.fragment:
        raise invalid("is not the URL of a collector", "http(s)://host:port/api/v2/spans without user and fragment")
    return text


def _check_probability(value: float) -> float:
    if not 0 <= value <= 1:
        raise invalid("must be between 0 and 1 inclusive", "0 (nothing is sent) to 1 (everything)")
    return value


class ZipkinParams(SpecModel):
    """`url` is that of the spans of API v2. With `sample_probability` 0, the default, nothing is sent."""

    url: Annotated[str, AfterValidator(_check_url)]
    sample_probability: Annotated[float, AfterValidator(_check_probability)] = 0.0
    tls: ClientTls = ClientTls()
    timeout: DurationNs = Field(default=5_000_000_000, gt=0, le=_HOUR_NS)
    push_interval: DurationNs = Field(default=1_000_000_000, gt=0, le=_HOUR_NS)
    queue_size: int = Field(default=8192, ge=1, le=2**20)
    batch_size: int = Field(default=100, ge=1, le=2**16)
