"""Parameters of opa."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from mizzen.config import DurationNs, SpecModel, invalid

_METHOD = re.compile(r"data(\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)


def _check_method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise invalid("is not the path of a rule", "data.<package>.<rule>, such as data.mixerauthz.allow")
    return text


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        complete = False
    if not complete or parts.username or parts.query or parts.fragment:
        raise invalid("is not the URL of a server", "http(s)://host:port without user, query and fragment")
    return text.rstrip("/")


class OpaParams(SpecModel):
    """`policy` holds Rego modules that the handler puts on the server; without it the server has its own (bundles).

    `fail_close` says what happens when OPA gives no answer or none that is true or false: refuse, or allow.
    """

    server_url: Annotated[str, AfterValidator(_check_url)] = "http://localhost:8181"
    check_method: Annotated[str, AfterValidator(_check_method)]
    policy: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    fail_close: bool = False
    timeout: DurationNs = Field(default=500_000_000, gt=0)
    bearer_token: SecretStr = SecretStr("")
    caching_interval: DurationNs = Field(default=0, ge=0)
    caching_use_count: int = Field(default=0, ge=0, le=2**31 - 1)
