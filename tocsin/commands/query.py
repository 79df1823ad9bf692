"""`tocsin query`: a PromQL expression, answered by a running tocsin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from collector.model.labels import Labels
from tocsin.commands.client import DEFAULT_URL, get
from tocsin.commands.output import Output, emit


def query(
    expression: str = typer.Argument(help="PromQL."),
    url: str = typer.Option(DEFAULT_URL, envvar="TOCSIN_URL", help="Where tocsin is."),
    at: str = typer.Option("", "--time", help="RFC 3339 or Unix time; now when it is left out."),
    explain: bool = typer.Option(False, help="Show the plan, with times and samples, instead."),
    output: Output = Output.table,
) -> None:
    """Ask for the value of an expression at one time."""
    parameters = {"query": expression, **({"time": at} if at else {})}
    if explain:
        parameters["explain"] = "1"
    answer = get(url, "/api/v1/query", parameters)
    data = answer["data"] if isinstance(answer, dict) else {}
    emit(plan_rows(data["explain"]) if explain else _rows(data), output)


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


def _rows(data: dict[str, object]) -> list[dict[str, object]]:
    result = data["result"]
    if data["resultType"] in ("scalar", "string") and isinstance(result, list):
        return [{"value": result[1]}]
    if not isinstance(result, list):
        return []
    rows = []
    for one in result:
        values = [one["value"]] if "value" in one else one["values"]
        series = str(Labels(one["metric"]))
        rows += [{"series": series, "value": value} for _, value in values]
    return rows
