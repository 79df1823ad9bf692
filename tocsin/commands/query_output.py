"""How `tocsin query` and `tocsin query-range` show an answer: table, JSON, CSV or a plot."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from rich.console import Console

from tocsin.commands.output import Output, emit
from tocsin.commands.query_rows import (
    SeriesRows,
    csv_text,
    json_rows,
    summary_rows,
    value_rows,
)
from tocsin.commands.terminal_plot import plot

PLOT_ROWS = 16


class QueryOutput(StrEnum):
    """The values of `--output`."""

    table = "table"
    json = "json"
    csv = "csv"
    plot = "plot"


def tell(answer: object) -> Mapping[str, Any]:
    """The `data` of an answer; its warnings and infos go to stderr, where they spoil no output."""
    if not isinstance(answer, Mapping):
        return {"resultType": "vector", "result": []}
    for note in (*answer.get("warnings", ()), *answer.get("infos", ())):
        print(note, file=sys.stderr)
    data: Mapping[str, Any] = answer["data"]
    return data


def show(series: Sequence[SeriesRows], output: QueryOutput, *, is_range: bool) -> None:
    """Print the series."""
    match output:
        case QueryOutput.json:
            print(json.dumps(json_rows(series, is_range=is_range), indent=2, ensure_ascii=False))
        case QueryOutput.csv:
            print(csv_text(series), end="")
        case QueryOutput.plot:
            console = Console(highlight=False)
            for line in plot(series, console.width, PLOT_ROWS):
                console.print(line, no_wrap=True, overflow="ellipsis")
        case QueryOutput.table:
            emit(summary_rows(series) if is_range else value_rows(series), Output.table)
