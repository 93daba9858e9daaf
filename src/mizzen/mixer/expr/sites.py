"""Slow paths of generated code: each closure knows the place in the expression that an error has to name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from mizzen.wire import Duration, Timestamp

from .errors import ConversionError, EvaluationError, LookupFailedError, ValueKindError
from .nodes import Span
from .operations import ConversionFailure
from .values import AttributeSource, Value, ValueType

PYTHON_TYPES: dict[ValueType, type[Any]] = {
    ValueType.STRING: str,
    ValueType.DNS_NAME: str,
    ValueType.EMAIL_ADDRESS: str,
    ValueType.URI: str,
    ValueType.INT64: int,
    ValueType.DOUBLE: float,
    ValueType.BOOL: bool,
    ValueType.TIMESTAMP: Timestamp,
    ValueType.DURATION: Duration,
    ValueType.IP_ADDRESS: bytes,
    ValueType.STRING_MAP: Mapping,
}
WIRE_NAMES = (
    (bool, "bool"),
    (str, "string"),
    (int, "int64"),
    (float, "double"),
    (bytes, "bytes"),
    (Timestamp, "timestamp"),
    (Duration, "duration"),
    (Mapping, "string map"),
)


def fits(value: object, kind: ValueType) -> bool:
    """Whether a value of the bag is of the type that the vocabulary gives the attribute."""
    if not isinstance(value, PYTHON_TYPES[kind]):
        return False
    if kind is ValueType.INT64:
        return not isinstance(value, bool)
    return not isinstance(value, bytes) or len(value) in (4, 16)


def describe(value: object) -> str:
    """The wire kind of a value, for errors. The value itself stays out: it may be confidential."""
    if isinstance(value, bytes):
        return f"bytes of length {len(value)}"
    return next((name for python, name in WIRE_NAMES if isinstance(value, python)), type(value).__name__)


class Site:
    """One place in one expression."""

    __slots__ = ("span", "text")

    def __init__(self, text: str, span: Span) -> None:
        self.text = text
        self.span = span

    def wrong_kind(self, name: str, value: object, kind: ValueType) -> NoReturn:
        message = f"error converting value to {kind}: attribute '{name}' arrived as {describe(value)}"
        raise ValueKindError(message, self.text, *self.span)

    def absent(self, name: str) -> Callable[[], NoReturn]:
        """Raises that the attribute is absent."""

        def raise_absent() -> NoReturn:
            raise LookupFailedError(name, self.text, *self.span)

        return raise_absent

    def present(self, name: str, kind: ValueType) -> Callable[[Value | None], Value]:
        """Accepts a value of the right kind that the fast check did not know, and raises for all others and None."""

        def check(value: Value | None) -> Value:
            if value is None:
                raise LookupFailedError(name, self.text, *self.span)
            if not fits(value, kind):
                self.wrong_kind(name, value, kind)
            return value

        return check

    def optional(self, name: str, kind: ValueType) -> Callable[[Value | None], Value | None]:
        """Like `present`, but None passes."""

        def check(value: Value | None) -> Value | None:
            if value is not None and not fits(value, kind):
                self.wrong_kind(name, value, kind)
            return value

        return check

    def missing_key(self, name: str) -> Callable[[AttributeSource, str | None], str]:
        """What a map gives for a key it does not have: empty text, unless the map itself is absent."""

        def check(bag: AttributeSource, value: str | None) -> str:
            if value is None:
                if not bag.has(name):
                    raise LookupFailedError(name, self.text, *self.span)
                return ""
            return str(self.entry(name)(value))

        return check

    def entry(self, name: str) -> Callable[[object], object]:
        """Checks the value under a map's key; None passes."""

        def check(value: object) -> object:
            if value is not None and not isinstance(value, str):
                self.wrong_kind(name, value, ValueType.STRING)
            return value

        return check

    def converting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its failures placed here."""

        def call(*args: Any) -> Any:
            try:
                return function(*args)
            except ConversionFailure as failure:
                raise ConversionError(str(failure), self.text, *self.span) from None

        return call

    def crashed(self) -> Callable[[Exception], EvaluationError]:
        """What a bag's own refusal becomes: TypeError says that an attribute read as a map is none."""

        def explain(error: Exception) -> EvaluationError:
            if isinstance(error, TypeError):
                return ValueKindError(f"error converting value to STRING_MAP: {error}", self.text, *self.span)
            return EvaluationError(f"text is not valid Unicode: {error}", self.text, *self.span)

        return explain
