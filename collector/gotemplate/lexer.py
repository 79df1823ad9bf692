"""Go template text to tokens: text outside the braces, words inside, trim markers applied.

Follows the lexical rules of Go's text/template/parse (lex.go): an action may span lines, a comment
is `{{/* */}}`, `{{- ` and ` -}}` eat the white space beside them. Knows no grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from collector.gotemplate.places import template_error

LEFT, RIGHT = "{{", "}}"
SPACE = " \t\r\n"

Kind = Literal["text", "left", "right", "word", "field", "variable", "number", "string", "mark"]

_TRIM_LEFT = re.compile(r"-[ \t\r\n]")
_TRIM_RIGHT = re.compile(r"[ \t\r\n]-\}\}")
_COMMENT_END = re.compile(r"\*/(?:[ \t\r\n]-)?\}\}")
_TOKENS = re.compile(
    r"""
    (?P<number>[+-]?(?:\d|\.\d)[\w.]*(?:(?<=[eEpP])[+-][\w.]*)?)
  | (?P<field>\.[^\W\d]\w*)
  | (?P<variable>\$\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`|'(?:\\.|[^'\\\n])+')
  | (?P<mark>:=|[().|,=])
    """,
    re.VERBOSE,
)
_ENDS_A_WORD = frozenset(" \t\r\n.,|:()=}")


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as written (for kind `text`: trimmed) at `start`; `spaced`: white space before it."""

    kind: Kind
    text: str
    start: int
    end: int
    spaced: bool = False


def tokenize(source: str, name: str) -> Iterator[Token]:
    """The tokens of a template; empty texts and comments are left out.

    Raises TemplateError for a character, string, comment or action that is never closed.
    """
    at, trim = 0, False
    while at < len(source):
        left = source.find(LEFT, at)
        end = left if left >= 0 else len(source)
        trims_here = left >= 0 and _TRIM_LEFT.match(source, left + 2) is not None
        text = source[at:end]
        text = text.lstrip(SPACE) if trim else text
        text = text.rstrip(SPACE) if trims_here else text
        if text:
            yield Token("text", text, at, end)
        if left < 0:
            return
        inside = left + (4 if trims_here else 2)
        comment_at = inside
        if source.startswith("/*", comment_at):
            at, trim = _after_comment(source, comment_at, name)
            continue
        yield Token("left", LEFT, left, inside)
        for token in _action(source, inside, left, name):
            yield token
            at, trim = token.end, token.text != RIGHT


def _after_comment(source: str, start: int, name: str) -> tuple[int, bool]:
    """Where the text goes on after a comment, and whether its start is trimmed."""
    close = source.find("*/", start)
    if close < 0:
        raise template_error(source, name, start, "unclosed comment")
    end = _COMMENT_END.match(source, close)
    if end is None:
        raise template_error(source, name, start, "comment ends before closing delimiter")
    return end.end(), "-" in end.group()


def _action(source: str, start: int, left: int, name: str) -> Iterator[Token]:
    """Tokens up to and with the closing braces; a trimming `-}}` is a `right` of that text."""
    at, depth = start, 0
    while True:
        spaced = False
        while at < len(source) and source[at] in SPACE:
            if depth == 0 and (trim := _TRIM_RIGHT.match(source, at)):
                yield Token("right", trim.group(), at, trim.end())
                return
            at, spaced = at + 1, True
        if source.startswith(RIGHT, at):
            if depth:
                raise template_error(source, name, at, "unclosed left paren")
            yield Token("right", RIGHT, at, at + 2)
            return
        if at >= len(source):
            raise template_error(source, name, left, "unclosed action")
        token = _token(source, at, spaced, name)
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
        if depth < 0:
            raise template_error(source, name, at, "unexpected right paren")
        yield token
        at = token.end


def _token(source: str, at: int, spaced: bool, name: str) -> Token:
    match = _TOKENS.match(source, at)
    if match is None:
        problem = {
            '"': "unterminated quoted string",
            "`": "unterminated raw quoted string",
            "'": "unterminated character constant",
            "{": "unexpected {{ inside an action",
        }.get(source[at], f"unexpected {source[at]!r} in an action")
        raise template_error(source, name, at, problem)
    kind: Kind = match.lastgroup  # type: ignore[assignment]
    end = match.end()
    worded = kind in ("word", "field", "variable")
    if worded and end < len(source) and source[end] not in _ENDS_A_WORD:
        raise template_error(source, name, end, f"unexpected {source[end]!r} after a name")
    return Token(kind, match.group(), at, end, spaced)
