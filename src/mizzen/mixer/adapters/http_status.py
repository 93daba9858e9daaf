"""HTTP status codes by number or by the names of Istio's `HttpStatusCode` (`NotFound`)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import BeforeValidator

from mizzen.config import invalid

_NAMES = {
    status.phrase.title().replace(" ", "").replace("-", "").replace("'", ""): int(status) for status in HTTPStatus
}
_NAMES |= {"OK": 200, "IMUsed": 226, "PayloadTooLarge": 413, "URITooLong": 414, "RangeNotSatisfiable": 416}
_NAMES |= {"HTTPVersionNotSupported": 505, "UnprocessableEntity": 422, "Empty": 0}


def _read(value: object) -> object:
    code = _NAMES.get(value) if isinstance(value, str) else value
    if not isinstance(code, int) or isinstance(code, bool) or (code and not 200 <= code <= 599):
        raise invalid("is not an HTTP status code", "200 to 599, or a name such as NotFound")
    return code


HttpStatusCode = Annotated[int, BeforeValidator(_read, json_schema_input_type=int | str)]
"""A final status code in a spec model: 200 to 599, a name, or 0 for none."""
