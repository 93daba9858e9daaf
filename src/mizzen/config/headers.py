"""Names and values of HTTP headers in configuration: those that no proxy could send are refused early."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from mizzen.config.spec import invalid

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PSEUDO = (":authority", ":method", ":path")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise invalid("is not the name of a header", "letters, digits and any of !#$%&'*+-.^_`|~")
    return name


def _request_header_name(name: str) -> str:
    return name if name.lower() in _PSEUDO else _header_name(name)


def _header_value(value: str) -> str:
    if _UNSENDABLE.search(value):
        raise invalid("is not the value of a header", "a text without line ends and control characters")
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
"""A name as of RFC 9110."""

RequestHeaderName = Annotated[str, AfterValidator(_request_header_name)]
"""The same, or one of the pseudo headers of a request that may be changed: `:authority`, `:method`, `:path`."""

HeaderValue = Annotated[str, AfterValidator(_header_value)]
"""A value without line ends and control characters."""
