"""Text to tokens with positions. Knows characters, not grammar: words are words until parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from collector.query.positions import Span, parse_error

Kind = Literal["word", "number", "duration", "string", "symbol", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` as it was written."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset past the last character."""
        return self.start + len(self.text)

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.start, self.end)


_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
_DIGITS = r"\d(?:_?\d)*"
_NUMBER = (
    r"0[xX][0-9a-fA-F](?:_?[0-9a-fA-F])*"
    rf"|(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?\d+)?"
)
_TOKEN = re.compile(
    rf"""(?P<space>[\ \t\r\n]+|\#[^\n]*)
    |(?P<duration>{_DURATION}(?![\w.]))
    |(?P<number>(?:{_NUMBER})(?![\w]))
    |(?P<word>[a-zA-Z_:][\w:]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    |(?P<symbol>==|!=|<=|>=|=~|!~|>/|</|[-+*/%^<>=(){{}}\[\],:@])
    """,
    re.VERBOSE | re.ASCII,
)
_WORD_WITHOUT_COLON = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_IN_BRACKETS = {"[": 1, "]": -1}


def tokenize(query: str) -> list[Token]:
    """All tokens of a query, an `end` token last. Raises QueryError at the first bad character."""
    tokens: list[Token] = []
    at, brackets = 0, 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None or match.lastgroup is None:
            raise parse_error(query, at, _complaint(query, at))
        text = match.group()
        if brackets and match.lastgroup == "word":
            text = _inside_brackets(text)
        if match.lastgroup != "space":
            brackets += _IN_BRACKETS.get(text, 0)
            kind: Kind = "symbol" if text == ":" else match.lastgroup  # type: ignore[assignment]
            tokens.append(Token(kind, text, at))
        at += len(text)
    tokens.append(Token("end", "", len(query)))
    return tokens


def _inside_brackets(word: str) -> str:
    """A colon between brackets parts range from step, and so belongs to no name there."""
    if word.startswith(":"):
        return ":"
    match = _WORD_WITHOUT_COLON.match(word)
    return match.group() if match else word


def _complaint(query: str, at: int) -> str:
    char = query[at]
    if char in "\"'":
        return "unterminated quoted string"
    if char == "`":
        return "unterminated raw string"
    if char.isdigit() or char == ".":
        end = re.compile(r"[\w.]+").match(query, at)
        return f'bad number or duration syntax: "{end.group() if end else char}"'
    return f"unexpected character: {char!r}"


_SIMPLE_ESCAPES = {
    "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34,
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})"
    r"|u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8}))"
)


def unquote(query: str, token: Token) -> str:
    """The text that a string token stands for, by Go's escapes. Raises QueryError."""
    body = token.text[1:-1]
    if token.text[0] == "`" or "\\" not in body:
        return body
    out, at = bytearray(), 0
    while at < len(body):
        if body[at] != "\\":
            out += body[at].encode("utf-8", "surrogateescape")
            at += 1
            continue
        match = _ESCAPE.match(body, at)
        if match is None:
            raise parse_error(query, token.start + 1 + at, "unknown escape sequence in a string")
        out += _unescape(match)
        at = match.end()
    return out.decode("utf-8", "surrogateescape")


def _unescape(match: re.Match[str]) -> bytes:
    kind, digits = match.lastgroup, match.group(match.lastgroup or 0)
    if kind == "simple":
        return bytes((_SIMPLE_ESCAPES[digits],))
    if kind == "hex":
        return bytes((int(digits, 16),))
    if kind == "octal":
        return bytes((int(digits, 8),))
    return chr(int(digits, 16)).encode("utf-8", "surrogatepass")
