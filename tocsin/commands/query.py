"""`tocsin query`: a PromQL expression, answered by a running tocsin."""

from __future__ import annotations

import typer

from collector.model.labels import Labels
from tocsin.commands.client import DEFAULT_URL, get
from tocsin.commands.output import Output, emit


def query(
    expression: str = typer.Argument(help="PromQL."),
    url: str = typer.Option(DEFAULT_URL, envvar="TOCSIN_URL", help="Where tocsin is."),
    at: str = typer.Option("", "--time", help="RFC 3339 or Unix time; now when it is left out."),
    output: Output = Output.table,
) -> None:
    """Ask for the value of an expression at one time."""
    parameters = {"query": expression, **({"time": at} if at else {})}
    answer = get(url, "/api/v1/query", parameters)
    data = answer["data"] if isinstance(answer, dict) else {}
    emit(_rows(data), output)


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
