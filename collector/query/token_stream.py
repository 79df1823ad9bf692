"""A cursor over tokens: look ahead, take, expect; and the errors of a parser that stands there."""

from __future__ import annotations

import math
import re

from collector.model.durations import UNITS_MS
from collector.model.errors import QueryError
from collector.query.ast import AGGREGATORS, Number
from collector.query.lexer import Token, tokenize, unquote
from collector.query.positions import parse_error

_KEYWORDS = frozenset(
    ("by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset")
)
_OPERATOR_WORDS = frozenset(("and", "or", "unless", "atan2"))
_DURATION_PART = re.compile(r"(\d+)(ms|[smhdwy])")


class TokenStream:
    """The tokens of one query and a position among them."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = tokenize(query)
        self.position = 0

    @property
    def next(self) -> Token:
        """The token that would be taken."""
        return self._tokens[self.position]

    @property
    def end_of_last(self) -> int:
        """Offset past the token that was taken last."""
        return self._tokens[self.position - 1].end if self.position else 0

    def take(self) -> Token:
        """The next token; the cursor moves on (and stays at the end)."""
        token = self.next
        if token.kind != "end":
            self.position += 1
        return token

    def at_end(self) -> bool:
        """Whether all tokens are taken."""
        return self.next.kind == "end"

    def at_symbol(self, text: str) -> bool:
        """Whether the next token is this symbol."""
        return self.next.kind == "symbol" and self.next.text == text

    def at_word(self, word: str) -> bool:
        """Whether the next token is this keyword, in any case."""
        return self.next.kind == "word" and self.next.text.lower() == word

    def is_symbol_after(self, text: str) -> bool:
        """Whether the token after the next one is this symbol."""
        after = self._tokens[min(self.position + 1, len(self._tokens) - 1)]
        return after.kind == "symbol" and after.text == text

    def is_word_after(self, words: tuple[str, ...]) -> bool:
        """Whether the token after the next one is one of these keywords."""
        after = self._tokens[min(self.position + 1, len(self._tokens) - 1)]
        return after.kind == "word" and after.text.lower() in words

    def expect(self, symbol: str) -> Token:
        """Take this symbol. Raises QueryError when something else stands there."""
        if not self.at_symbol(symbol):
            raise self.unexpected(f'"{symbol}"')
        return self.take()

    def string(self) -> str:
        """Take a string and return what it stands for."""
        return unquote(self._query, self.take())

    def number(self) -> Number:
        """Take a number or a duration (in seconds). Raises QueryError for anything else."""
        token = self.next
        if token.kind == "duration":
            self.take()
            return Number(_seconds(token.text), True, token.span)
        if token.kind == "number":
            self.take()
            return Number(_to_float(token.text), False, token.span)
        if token.kind == "word" and token.text.lower() in ("inf", "nan"):
            self.take()
            return Number(float(token.text), False, token.span)
        raise self.unexpected("number or duration")

    def label_name(self, where: str) -> str:
        """Take a label name, quoted or not."""
        token = self.next
        if token.kind == "string":
            return self.string()
        if token.kind != "word" or ":" in token.text:
            message = f"unexpected {self.name_of(token)} in {where}, expected label"
            raise self.error(message)
        return self.take().text

    def error(self, message: str) -> QueryError:
        """An error at the next token."""
        return self.error_at(self.next.start, message)

    def error_at(self, offset: int, message: str) -> QueryError:
        """An error at an offset."""
        return parse_error(self._query, offset, message)

    def unexpected(self, wanted: str = "") -> QueryError:
        """An error that names the next token."""
        expected = f", expected {wanted}" if wanted else ""
        return self.error(f"unexpected {self.name_of(self.next)}{expected}")

    def name_of(self, token: Token) -> str:
        """What Prometheus calls a token in its messages."""
        word = token.text.lower()
        if token.kind == "end":
            return "end of input"
        if token.kind == "string":
            return f"string {token.text}"
        if token.kind in ("number", "duration"):
            return f'{token.kind} "{token.text}"'
        if token.kind == "word":
            if word in AGGREGATORS:
                return f"<aggr:{word}>"
            if word in _KEYWORDS:
                return f"<{word}>"
            return f"<op:{word}>" if word in _OPERATOR_WORDS else f'identifier "{token.text}"'
        return f'"{token.text}"' if token.text in "(){}[],:@=" else f"<op:{token.text}>"


def _seconds(text: str) -> float:
    parts = _DURATION_PART.findall(text)
    return sum(float(number) * UNITS_MS[unit] for number, unit in parts) / 1000


def _hexadecimal(text: str) -> float:
    try:
        return float(int(text, 16))
    except OverflowError:
        return math.inf


def _to_float(text: str) -> float:
    plain = text.replace("_", "")
    if plain[:2].lower() == "0x":
        return _hexadecimal(plain)
    return float(plain)
