"""The signatures of CEL's functions, methods and operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mizzen.mixer.expr.values import ValueType


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature; `function` may raise ConversionFailure where the arguments have no result.

    `literal` does so for a text as second argument that can have none, so that a bad literal is found early.
    """

    args: tuple[ValueType, ...]
    result: ValueType
    function: Callable[..., Any]
    literal: Callable[[str], object] | None = None
