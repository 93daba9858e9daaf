"""The attribute expression language of the Mixer: prepare an expression once, evaluate it on many bags."""

from mizzen.wire import Duration, Timestamp

from .attributes import RecordedAttributes, Reference
from .errors import (
    ArityError,
    ConversionError,
    EvaluationError,
    ExpressionError,
    LimitError,
    LiteralArgumentError,
    LiteralError,
    LookupFailedError,
    ParseError,
    TypeCheckError,
    UnknownAttributeError,
    UnknownFunctionError,
    UnsupportedSyntaxError,
    ValueKindError,
)
from .expression import Equality, Expression, compile_expression
from .values import AttributeSource, Value, ValueType
from .vocabulary import BUILTIN, Vocabulary

__all__ = [
    "BUILTIN",
    "ArityError",
    "AttributeSource",
    "ConversionError",
    "Duration",
    "Equality",
    "EvaluationError",
    "Expression",
    "ExpressionError",
    "LimitError",
    "LiteralArgumentError",
    "LiteralError",
    "LookupFailedError",
    "ParseError",
    "RecordedAttributes",
    "Reference",
    "Timestamp",
    "TypeCheckError",
    "UnknownAttributeError",
    "UnknownFunctionError",
    "UnsupportedSyntaxError",
    "Value",
    "ValueKindError",
    "ValueType",
    "Vocabulary",
    "compile_expression",
]
