"""Parameters of otlp."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from mizzen.config import DurationNs, SpecModel, invalid
from mizzen.config.kinds import by_name_or_number
from mizzen.mixer.adapters.client_tls import ClientTls
from mizzen.mixer.adapters.prometheus.params import Buckets, Kind

_INSTRUMENT = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,254}", re.ASCII)
_HEADER = re.compile(r"[0-9a-z_.-]+", re.ASCII)
_HOUR_NS = 3_600_000_000_000


class Protocol(enum.IntEnum):
    """How requests travel: both carry the same messages in protobuf."""

    GRPC = 0
    HTTP = 1


class Compression(enum.IntEnum):
    NONE = 0
    GZIP = 1


class Temporality(enum.IntEnum):
    """Whether counters and distributions are sent as totals since the start, or as what was added since the last."""

    CUMULATIVE = 0
    DELTA = 1


def _check_endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        complete = False
    if not complete or parts.username or parts.query or parts.fragment:
        raise invalid("is not the URL of a collector", "http(s)://host:port without user, query and fragment")
    return text.rstrip("/")


def _check_header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise invalid("is not the name of a header", "lower case letters, digits, -, _ and .")
    return text


def _check_instrument(text: str) -> str:
    if text and not _INSTRUMENT.fullmatch(text):
        raise invalid("is not the name of a metric", "a letter, then letters, digits, _, ., - and /, at most 255")
    return text


class MetricParams(SpecModel):
    """One metric; without a name it has that of the instance. The dimensions are its attributes."""

    instance_name: str = Field(min_length=1)
    name: Annotated[str, AfterValidator(_check_instrument)] = ""
    description: str = ""
    unit: str = Field(default="", max_length=63)
    kind: Annotated[Kind, by_name_or_number(Kind)] = Kind.UNSPECIFIED
    buckets: Buckets | None = None


class OtlpParams(SpecModel):
    """`push_interval` is for logs and spans, `metrics_interval` for metrics. `sample_probability` is for spans."""

    endpoint: Annotated[str, AfterValidator(_check_endpoint)] = "http://localhost:4317"
    protocol: Annotated[Protocol, by_name_or_number(Protocol)] = Protocol.GRPC
    compression: Annotated[Compression, by_name_or_number(Compression)] = Compression.NONE
    headers: Mapping[Annotated[str, AfterValidator(_check_header)], SecretStr] = Field(default_factory=dict)
    tls: ClientTls = ClientTls()
    timeout: DurationNs = Field(default=10_000_000_000, gt=0, le=_HOUR_NS)
    push_interval: DurationNs = Field(default=5_000_000_000, gt=0, le=_HOUR_NS)
    queue_size: int = Field(default=8192, ge=1, le=2**20)
    batch_size: int = Field(default=512, ge=1, le=2**16)
    resource_attributes: Mapping[str, str] = Field(default_factory=dict)
    sample_probability: float = Field(default=1.0, ge=0, le=1)
    metrics: tuple[MetricParams, ...] = ()
    metrics_interval: DurationNs = Field(default=60_000_000_000, gt=0, le=_HOUR_NS)
    metrics_temporality: Annotated[Temporality, by_name_or_number(Temporality)] = Temporality.CUMULATIVE
    max_series: int = Field(default=10_000, ge=1, le=10**6)
