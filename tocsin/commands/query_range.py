"""`tocsin query-range`: a PromQL expression over a span of time, answered by a running tocsin."""

from __future__ import annotations

import typer

from collector.model.clock import SystemClock
from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError
from tocsin.commands.client import URL, get
from tocsin.commands.query_output import QueryOutput, show, tell
from tocsin.commands.query_rows import series_rows
from tocsin.moments import time_ms

STEPS = 240
"""About how many steps there are when none is asked for: as many as a terminal can show."""


def query_range(
    expression: str = typer.Argument(help="PromQL."),
    url: str = URL,
    start: str = typer.Option("", help="RFC 3339 or Unix time; --last before the end if left out."),
    end: str = typer.Option("", help="RFC 3339 or Unix time; now when it is left out."),
    last: str = typer.Option("1h", help="How far back, when there is no --start."),
    step: str = typer.Option("", help=f"A duration; the span in {STEPS} steps when left out."),
    output: QueryOutput = QueryOutput.table,
) -> None:
    """Ask for the values of an expression over a span of time."""
    parameters = {"query": expression, **span(start, end, last, step, SystemClock().now_ms())}
    answer = get(url, "/api/v1/query_range", parameters)
    show(series_rows(tell(answer)), output, is_range=True)


def span(start: str, end: str, last: str, step: str, now_ms: int) -> dict[str, str]:
    """The parameters `start`, `end` and `step`; what is written as text goes as it is.

    Raises InputError for a `last` that is no duration.
    """
    last_ms = parse_duration_ms(last)
    end_ms = _unix_ms(end, now_ms)
    begin = start or f"{(end_ms - last_ms) / 1000:.3f}"
    begin_ms = _unix_ms(begin, end_ms - last_ms)
    wide = max(-(-(end_ms - begin_ms) // STEPS // 1000), 1)
    return {"start": begin, "end": end or f"{end_ms / 1000:.3f}", "step": step or str(wide)}


def _unix_ms(text: str, otherwise_ms: int) -> int:
    """A Unix or RFC 3339 time; `otherwise_ms` for neither: the server says what is wrong."""
    try:
        return time_ms(text, "")
    except InputError:
        return otherwise_ms
