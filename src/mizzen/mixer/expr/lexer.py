"""Splits an expression into tokens by Go's lexical rules, automatic semicolons included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from mizzen.config.duration import nanoseconds_of

from .errors import LiteralError, ParseError
from .literals import EscapeError, unescape

GO_KEYWORDS = """
    break case chan const continue default defer else fallthrough for func go goto if import interface map package
    range return select struct switch type var
"""
KEYWORDS = frozenset(GO_KEYWORDS.split())
"""Words that no part of an attribute's name can be."""


class Kind(Enum):
    IDENTIFIER = auto()
    KEYWORD = auto()
    INTEGER = auto()
    FLOAT = auto()
    STRING = auto()
    OPERATOR = auto()
    LINE_END = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the token as written; of a string literal it is the unescaped text."""

    kind: Kind
    text: str
    start: int
    end: int

    def describe(self) -> str:
        if self.kind is Kind.END:
            return "end of expression"
        if self.kind is Kind.LINE_END:
            return "end of line"
        if self.kind is Kind.KEYWORD:
            return f"keyword '{self.text}'"
        return "text literal" if self.kind is Kind.STRING else f"'{self.text}'"


GO_OPERATORS = """
    <<= >>= &^= ... && || <- ++ -- == != <= >= := += -= *= /= %= &= |= ^= << >> &^
    < > = ! ( ) [ ] { } , ; . : + - * / % & | ^
"""
TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+)"
    r"|(?P<newline>\n)"
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<number>(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r'|(?P<string>"(?:[^"\\\n]|\\[^\n])*")'
    r"|(?P<raw>`[^`]*`)"
    r"|(?P<character>'(?:[^'\\\n]|\\[^\n])*')"
    r"|(?P<operator>" + "|".join(map(re.escape, GO_OPERATORS.split())) + ")",
    re.DOTALL,
)
WORD_TAIL = re.compile(r"\w+")
OPERAND_ENDS = frozenset({")", "]", "}", "++", "--"})
UNFINISHED = {'"': "text literal", "`": "raw text literal", "'": "character literal", "/": "comment"}


def tokenize(text: str) -> list[Token]:
    """All tokens, closed by one of kind END. Raises ParseError or LiteralError at the first bad character."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None or (text.startswith("/*", position) and found.lastgroup != "comment"):
            raise unreadable(text, position)
        position = found.end()
        if found.lastgroup == "blank":
            continue
        if found.lastgroup in ("newline", "comment"):
            if "\n" in found[0] and ends_operand(tokens):
                tokens.append(Token(Kind.LINE_END, "\n", found.start(), found.end()))
            continue
        tokens.append(token(text, found))
    if tokens and tokens[-1].kind is Kind.LINE_END:
        tokens.pop()
    tokens.append(Token(Kind.END, "", len(text), len(text)))
    return tokens


def ends_operand(tokens: list[Token]) -> bool:
    """Whether Go would put a semicolon if the line ended here."""
    if not tokens:
        return False
    last = tokens[-1]
    if last.kind is Kind.OPERATOR:
        return last.text in OPERAND_ENDS
    return last.kind is not Kind.LINE_END


def unreadable(text: str, position: int) -> ParseError:
    character = text[position]
    if character in UNFINISHED:
        return LiteralError(f"{UNFINISHED[character]} not terminated", text, position, len(text))
    return ParseError(f"illegal character {character!r} (U+{ord(character):04X})", text, position, position + 1)


def token(text: str, found: re.Match[str]) -> Token:
    start, end = found.span()
    written = found[0]
    if found.lastgroup == "word":
        return Token(Kind.KEYWORD if written in KEYWORDS else Kind.IDENTIFIER, written, start, end)
    if found.lastgroup == "number":
        return number(text, start, end)
    if found.lastgroup == "operator":
        return Token(Kind.OPERATOR, written, start, end)
    if found.lastgroup == "raw":
        return Token(Kind.STRING, written[1:-1].replace("\r", ""), start, end)
    return quoted(text, start, end, character=found.lastgroup == "character")


def number(text: str, start: int, end: int) -> Token:
    tail = WORD_TAIL.match(text, end)
    if tail is not None:
        written = text[start : tail.end()]
        hint = f'; a duration is written as text: "{written}"' if nanoseconds_of(written) is not None else ""
        raise LiteralError(f"number {written}: invalid syntax (decimal digits only){hint}", text, start, tail.end())
    written = text[start:end]
    return Token(Kind.INTEGER if written.isdecimal() else Kind.FLOAT, written, start, end)


def quoted(text: str, start: int, end: int, character: bool) -> Token:
    try:
        value = unescape(text[start + 1 : end - 1], text[start])
    except EscapeError as error:
        raise LiteralError(str(error), text, start + 1 + error.offset, end) from None
    if character and len(value) != 1:
        raise LiteralError(
            "a character literal holds exactly one character; text is written in double quotes", text, start, end
        )
    return Token(Kind.STRING, value, start, end)
