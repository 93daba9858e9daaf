"""The attribute expression language of the Mixer: prepare an expression once, evaluate it on many bags."""

from mizzen.wire import Duration, Timestamp

from .attributes import RecordedAttributes, Reference
from .equality import Equality
from .errors import (
    ArityError,
    ConversionError,
    EvaluationError,
    ExpressionError,
    LanguageError,
    LimitError,
    LiteralArgumentError,
    LiteralError,
    LookupFailedError,
    NoSuchKeyError,
    ParseError,
    TypeCheckError,
    UnknownAttributeError,
    UnknownFunctionError,
    UnsupportedSyntaxError,
    ValueKindError,
)
from .expression import Expression, compile_expression
from .values import AttributeSource, Value, ValueType
from .vocabulary import BUILTIN, Language, Vocabulary

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
    "Language",
    "LanguageError",
    "LimitError",
    "LiteralArgumentError",
    "LiteralError",
    "LookupFailedError",
    "NoSuchKeyError",
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
