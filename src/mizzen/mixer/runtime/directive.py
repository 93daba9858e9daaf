"""What the proxy shall do with headers, and the HTTP answer it shall give to a refused request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from mizzen.config.kinds import HeaderOperationKind
from mizzen.mixer.adapters import DirectResponse
from mizzen.mixer.expr import AttributeSource, EvaluationError
from mizzen.mixer.runtime.configured import HeaderOperationConfig
from mizzen.mixer.runtime.routing import Route
from mizzen.wire import HeaderOperation, RouteDirective

HTTP_STATUS: Mapping[int, int] = {
    0: 200, 1: 408, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429,
    9: 412, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip
"""The translation of status codes that Istio's Mixer uses in direct responses (the proxy has one of its own)."""

_OPERATIONS: Mapping[HeaderOperationKind, Literal["REPLACE", "REMOVE", "APPEND"]] = {
    HeaderOperationKind.REPLACE: "REPLACE",
    HeaderOperationKind.REMOVE: "REMOVE",
    HeaderOperationKind.APPEND: "APPEND",
}

OnFailure = Callable[[str, Exception], None]


def header_directive(routes: Iterable[Route], bag: AttributeSource, on_failure: OnFailure) -> RouteDirective | None:
    """The header operations of the matching rules, in order; None when there are none.

    REPLACE and APPEND give one operation per value; an empty value gives none, and one that cannot be evaluated is
    left out.
    """
    request: list[HeaderOperation] = []
    response: list[HeaderOperation] = []
    for route in routes:
        for configured in route.request_header_operations:
            request += _operations(route.key, configured, bag, on_failure)
        for configured in route.response_header_operations:
            response += _operations(route.key, configured, bag, on_failure)
    if not request and not response:
        return None
    return RouteDirective(request_header_operations=request, response_header_operations=response)


def _operations(
    rule: str, configured: HeaderOperationConfig, bag: AttributeSource, on_failure: OnFailure
) -> list[HeaderOperation]:
    kind = _OPERATIONS[configured.operation]
    if configured.operation is HeaderOperationKind.REMOVE:
        return [HeaderOperation(configured.name, "", kind)]
    operations: list[HeaderOperation] = []
    for expression in configured.values:
        try:
            value = expression.evaluate(bag)
        except EvaluationError as error:
            on_failure(rule, error)
            continue
        if isinstance(value, str) and value:
            operations.append(HeaderOperation(configured.name, value, kind))
    return operations


def direct_directive(code: int, answer: DirectResponse) -> RouteDirective:
    """The directive of a refusal with its own HTTP answer. Each cookie of a `Set-Cookie` header is set apart."""
    operations: list[HeaderOperation] = []
    for name, value in answer.headers.items():
        if name.lower() == "set-cookie":
            operations += [HeaderOperation(name, cookie.strip(), "APPEND") for cookie in value.split(",")]
        else:
            operations.append(HeaderOperation(name, value, "REPLACE"))
    return RouteDirective(
        response_header_operations=operations,
        direct_response_code=answer.code or HTTP_STATUS.get(code, 500),
        direct_response_body=answer.body,
    )
