"""`host:port` in parameters."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from mizzen.config import invalid


def _check(text: str) -> str:
    host_port(text)
    return text


def host_port(text: str) -> tuple[str, int]:
    """The parts of `host:port`; an IPv6 address stands in brackets. An invalid one is an error for a spec model."""
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname and parts.port and parts.netloc == text and "@" not in text:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise invalid("is not an address", "host:port, such as localhost:8125 or [::1]:8125")


Address = Annotated[str, AfterValidator(_check)]
"""`host:port` in a spec model."""
