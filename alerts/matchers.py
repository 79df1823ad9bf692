"""Alertmanager's text of matchers (`severity="page", service=~"a|b"`) to `Matcher` values.

Reads the classic syntax as Alertmanager's pkg/labels does (braces optional, quotes optional,
`\\`, `\"` and `\n` escaped), and quoted label names of the UTF-8 syntax. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import cast

from collector.model.errors import InputError
from collector.model.matchers import Matcher, MatchKind

_MATCHER = re.compile(
    r"""\s*(?:"((?:[^"\\]|\\.)+)"|([^\s=~!{}",]+))\s*(=~|!~|!=|=)\s*(.*?)\s*""", re.DOTALL
)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def parse_matchers(text: str) -> list[Matcher]:
    """Matchers of one text, in its order.

    Raises InputError for a text that is none, or holds a regular expression that is not RE2.
    """
    inner = text.strip().removeprefix("{").removesuffix("}")
    return [_parse_one(part) for part in _split(inner) if part.strip()]


def parse_all(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Matchers of a list of texts, as `matchers:` in the file has it."""
    return tuple(matcher for text in texts for matcher in parse_matchers(text))


def write_matchers(matchers: Iterable[Matcher]) -> str:
    """`{a="b",c=~"d"}`, the form in route keys."""
    return "{" + ",".join(map(str, matchers)) + "}"


def _split(text: str) -> Iterator[str]:
    """Parts between the commas that stand outside quotes."""
    start, quoted, escaped = 0, False, False
    for position, char in enumerate(text):
        if char == "," and not quoted:
            yield text[start:position]
            start = position + 1
        elif char == '"' and not escaped:
            quoted = not quoted
        escaped = char == "\\" and not escaped
    yield text[start:]


def _parse_one(text: str) -> Matcher:
    match = _MATCHER.fullmatch(text)
    if match is None:
        raise InputError(
            f"bad matcher format: {text.strip()}",
            advice='write name="value" with one of = != =~ !~',
        )
    quoted_name, plain_name, kind, value = match.groups()
    name = _unescape(quoted_name) if quoted_name else plain_name
    return Matcher(cast(MatchKind, kind), name, _value(value))


def _value(raw: str) -> str:
    inner = raw
    if raw.startswith('"'):
        if len(raw) < 2 or not raw.endswith('"'):
            raise _unescaped_quote(raw)
        inner = raw[1:-1]
    if re.search(r'(?<!\\)(?:\\\\)*"', inner) or (inner != raw and _ends_in_escape(inner)):
        raise _unescaped_quote(raw)
    return _unescape(inner)


def _ends_in_escape(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _unescaped_quote(raw: str) -> InputError:
    return InputError(
        f"matcher value contains unescaped double quote: {raw}",
        advice=r"write \" for a quote inside the value",
    )


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), text, flags=re.DOTALL)
