"""`tocsin query`: a PromQL expression, answered by a running tocsin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from tocsin.commands.client import URL, get
from tocsin.commands.output import Output, emit
from tocsin.commands.query_output import QueryOutput, show, tell
from tocsin.commands.query_rows import series_rows


def query(
    expression: str = typer.Argument(help="PromQL."),
    url: str = URL,
    at: str = typer.Option("", "--time", help="RFC 3339 or Unix time; now when it is left out."),
    explain: bool = typer.Option(False, help="Show the plan, with times and samples, instead."),
    output: QueryOutput = QueryOutput.table,
) -> None:
    """Ask for the value of an expression at one time."""
    parameters = {"query": expression, **({"time": at} if at else {})}
    if explain:
        parameters["explain"] = "1"
    answer = get(url, "/api/v1/query", parameters)
    data = tell(answer)
    if not explain:
        show(series_rows(data), output, is_range=False)
        return
    emit(plan_rows(data["explain"]), Output.json if output is QueryOutput.json else Output.table)


def plan_rows(step: Mapping[str, Any], depth: int = 0) -> list[dict[str, object]]:
    """A plan as rows, what is outermost first; `own ms` is without what is below."""
    row = {
        "operator": "  " * depth + str(step["operator"]),
        "own ms": f"{step['ownSeconds'] * 1000:.2f}",
        "ms": f"{step['seconds'] * 1000:.2f}",
        "samples": step["samples"],
        "series": step["series"],
        "runs": step["runs"],
    }
    below = [one for child in step["children"] for one in plan_rows(child, depth + 1)]
    return [row, *below]
