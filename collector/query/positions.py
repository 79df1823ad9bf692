"""`Span`: where in a query a node stands; and how a person is shown that place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.model.errors import QueryError

_PLACE = re.compile(r"(\d+):(\d+): ")


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of 0-based character offsets into the query."""

    start: int
    end: int


NO_SPAN = Span(0, 0)


def line_column(query: str, offset: int) -> str:
    """`line:column` of an offset, both from 1, as Prometheus's messages have it."""
    before = query[: max(offset, 0)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def caret(query: str, offset: int) -> str:
    """The line of the query that holds `offset`, and a line with `^` below the place."""
    offset = min(max(offset, 0), len(query))
    start = query.rfind("\n", 0, offset) + 1
    end = query.find("\n", offset)
    line = query[start : end if end >= 0 else len(query)]
    indent = "".join(char if char == "\t" else " " for char in query[start:offset])
    return f"{line}\n{indent}^"


def parse_error(query: str, offset: int, message: str) -> QueryError:
    """A QueryError with Prometheus's text: `line:column: parse error: message`."""
    return QueryError(
        f"{line_column(query, offset)}: parse error: {message}",
        position=offset,
        picture=caret(query, offset),
    )


def located(query: str, error: QueryError) -> QueryError:
    """The error with its place in the query, where only the offset was known."""
    if error.picture or error.position < 0:
        return error
    return parse_error(query, error.position, error.message)


def picture_of(query: str, message: str) -> str:
    """The caret for an error that came as text (`line:column: …`) from a server, or ""."""
    match = _PLACE.match(message)
    if match is None:
        return ""
    line, column = int(match.group(1)), int(match.group(2))
    lines = query.split("\n")
    if line > len(lines):
        return ""
    return caret(query, sum(len(one) + 1 for one in lines[: line - 1]) + column - 1)
