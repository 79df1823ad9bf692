"""How a command shows its rows: a table for people, JSON for machines (on stdout, nothing else)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 1000


class Output(StrEnum):
    """The values of `--output`."""

    table = "table"
    json = "json"


Row = Mapping[str, object]


def emit(rows: Sequence[Row], output: Output, plain: Callable[[], None] | None = None) -> None:
    """Print rows; `plain` replaces the table where a sentence says it better."""
    if output is Output.json:
        print(json.dumps(list(rows), indent=2))
    elif plain is not None:
        plain()
    elif rows:
        table, console = table_of(rows), Console()
        if not console.is_terminal:
            # a pipe has no width: nothing is cut for the next program
            console = Console(width=PIPE_WIDTH)
        console.print(table)


def table_of(rows: Sequence[Row]) -> Table:
    """A table with a column for each key of the first row."""
    table = Table(*rows[0].keys(), header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    return table
