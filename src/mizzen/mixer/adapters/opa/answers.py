"""From the value of a rule to a decision."""

from __future__ import annotations

from dataclasses import dataclass

from mizzen.mixer.adapters.opa.decider import OpaError
from mizzen.mixer.adapters.results import DirectResponse


@dataclass(frozen=True)
class Decision:
    """`fault` says what of a refusal's answer was left out, because it is not as documented."""

    allowed: bool
    response: DirectResponse | None = None
    fault: str = ""


def decision_of(value: object) -> Decision:
    """True and false; or an object with `allowed`, and for a refusal `http_status`, `headers` and `body`, the names of
    OPA's plugin for Envoy. Raises `OpaError` for everything else."""
    if isinstance(value, bool):
        return Decision(value)
    if not isinstance(value, dict):
        raise OpaError("is not true, false or an object with allowed")
    allowed = value.get("allowed")
    if not isinstance(allowed, bool):
        raise OpaError("has no allowed that is true or false")
    if allowed or not value.keys() & {"http_status", "headers", "body"}:
        return Decision(allowed)
    try:
        return Decision(False, _response(value))
    except OpaError as error:
        return Decision(False, fault=str(error))


def _response(value: dict[str, object]) -> DirectResponse:
    code, headers, body = value.get("http_status", 0), value.get("headers", {}), value.get("body", "")
    if not isinstance(code, int) or isinstance(code, bool) or (code and not 200 <= code <= 599):
        raise OpaError("http_status is not 200 to 599")
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        raise OpaError("headers is not an object of texts")
    if not isinstance(body, str):
        raise OpaError("body is not a text")
    return DirectResponse(code, headers, body)
