"""Errors of the expression language; each carries the expression and the place in it."""

from __future__ import annotations


class ExpressionError(ValueError):
    """An expression cannot be used. `str()` gives the whole sentence, `message` the bare reason.

    `expression` is the full text, `line` and `column` (both from 1, in characters) tell where the offending part
    begins, `offending` is that part as written.
    """

    def __init__(self, message: str, expression: str, start: int, end: int | None = None) -> None:
        self.message = message
        self.expression = expression
        self.start = start
        self.end = start if end is None else end
        line_start = expression.rfind("\n", 0, start) + 1
        self.line = expression.count("\n", 0, start) + 1
        self.column = start - line_start + 1
        super().__init__(self.sentence())

    @property
    def offending(self) -> str:
        return self.expression[self.start : self.end]

    @property
    def position(self) -> str:
        return f"{self.line}:{self.column}"

    def sentence(self) -> str:
        return f"{self.message} (at {self.position} of expression '{self.expression}')"

    def caret(self) -> str:
        """The offending line with a caret line under it, for terminals."""
        line = self.expression.split("\n")[self.line - 1]
        length = max(1, min(self.end - self.start, len(line) - self.column + 1))
        margin = "".join("\t" if character == "\t" else " " for character in line[: self.column - 1])
        return f"{line}\n{margin}{'^' * length}"


class ParseError(ExpressionError):
    """The text is not an expression of the language."""

    def sentence(self) -> str:
        return f"unable to parse expression '{self.expression}': {self.position}: {self.message}"


class UnsupportedSyntaxError(ParseError):
    """The text has a form that the language does not have, for example a field of a call's result."""


class LiteralError(ParseError):
    """A literal is malformed or out of range."""


class LimitError(ParseError):
    """The expression is too long or nested too deeply."""


class LanguageError(ParseError):
    """The language of the expression is not installed."""

    def sentence(self) -> str:
        return self.message


class TypeCheckError(ExpressionError):
    """The expression is well formed but its types, names or literal arguments are wrong."""


class UnknownAttributeError(TypeCheckError):
    """An attribute is not part of the vocabulary."""


class UnknownFunctionError(TypeCheckError):
    """No function, method or operator of that name exists."""


class ArityError(TypeCheckError):
    """A function got too few or too many arguments."""


class LiteralArgumentError(TypeCheckError):
    """A literal argument can never be converted, for example `ip("bogus")` or a bad regular expression."""


class EvaluationError(ExpressionError):
    """An evaluation on one bag failed; the expression itself stays usable."""


class LookupFailedError(EvaluationError):
    """An attribute that is needed is absent from the bag. `attribute` names it."""

    def __init__(self, attribute: str, expression: str, start: int, end: int) -> None:
        self.attribute = attribute
        super().__init__(f"lookup failed: '{attribute}'", expression, start, end)


class NoSuchKeyError(EvaluationError):
    """In CEL: a map of the bag does not have the `key` that is asked for."""

    def __init__(self, key: str, expression: str, start: int, end: int) -> None:
        self.key = key
        super().__init__(f"no such key: '{key}'", expression, start, end)


class ConversionError(EvaluationError):
    """A value of the bag has no result: a text that `ip()` cannot convert; in CEL also a number out of range."""


class ValueKindError(EvaluationError):
    """An attribute arrived with another kind of value than the vocabulary says."""
