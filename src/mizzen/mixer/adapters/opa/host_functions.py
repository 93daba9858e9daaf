"""Built-in functions of Rego that OPA does not compile into the module, but leaves to its surroundings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mizzen.mixer.adapters.opa.decider import OpaError

_VERB = re.compile(r"%(.?)", re.DOTALL)


def sprintf(template: object, values: object) -> str:
    """The verbs %s, %d and %v without flags, for texts, integers and booleans; Go prints everything else in ways of its
    own, so that raises `OpaError`."""
    if not isinstance(template, str) or not isinstance(values, list):
        raise OpaError("sprintf: takes a text and an array")
    left = iter(values)
    end = object()

    def print_one(match: re.Match[str]) -> str:
        if match[1] == "%":
            return "%"
        value = next(left, end)
        if isinstance(value, bool) and match[1] in ("s", "v"):
            return "true" if value else "false"
        if isinstance(value, str) and match[1] in ("s", "v"):
            return value
        if isinstance(value, int) and not isinstance(value, bool) and match[1] in ("d", "v"):
            return str(value)
        raise OpaError(f"sprintf: {match[0]} of this value is not available in the Mixer")

    text = _VERB.sub(print_one, template)
    if next(left, end) is not end:
        raise OpaError("sprintf: more values than verbs are not available in the Mixer")
    return text


HostFunction = Callable[..., object]


def host_functions(now: Callable[[], int]) -> Mapping[str, HostFunction]:
    """By Rego's name; `now` is the wall clock in nanoseconds."""
    return {"sprintf": sprintf, "time.now_ns": lambda: now()}


def chosen(functions: Mapping[str, HostFunction], wanted: Mapping[str, Any]) -> dict[int, HostFunction]:
    """The functions by the numbers that a module gives them. Raises `OpaError` naming all that are not available."""
    missing = sorted(wanted.keys() - functions.keys())
    if missing:
        raise OpaError(f"needs functions that are available only in an OPA server: {', '.join(missing)}")
    return {int(number): functions[name] for name, number in wanted.items()}
