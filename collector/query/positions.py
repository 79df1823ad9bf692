"""`Span`: where in a query a node stands; and how a person is shown that place."""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.errors import QueryError


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
    )
