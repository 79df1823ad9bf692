"""`tocsin oncall report`: MTTA, MTTR, MTBF, pages a shift, and what was noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from tocsin.commands.client import URL, get
from tocsin.commands.output import Output, emit
from tocsin.web.texts import NOTHING, span

NOISY_SHOWN = 20


def report_on_call(
    days: int = typer.Option(30, help="Over how many days."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """How the team fared: times to acknowledge and to resolve, pages a shift, noise."""
    answer: Any = get(url, "/api/tocsin/v1/oncall/report", {"days": str(days)})
    emit([answer], output, plain=lambda: _print(answer))


def _print(one: Mapping[str, Any]) -> None:
    severities = ", ".join(f"{count} {name}" for name, count in one["by_severity"].items())
    typer.echo(
        f"incidents              {one['incidents']}{f' ({severities})' if severities else ''}"
    )
    for name, key in (("MTTA", "to_acknowledge"), ("MTTR", "to_resolve"), ("MTBF", "between")):
        typer.echo(f"{name}                   {_time(one[key])}")
    typer.echo(f"never acknowledged     {one['never_acknowledged']}")
    typer.echo(f"steps of escalations   {one['escalations']}")
    per_shift = one["pages_per_shift"]
    typer.echo(f"pages per shift        {NOTHING if per_shift is None else f'{per_shift:.2g}'}")
    for load in one["loads"]:
        typer.echo(f"  {load['person']}: {load['pages']} pages in {load['shifts']} shifts")
    if one["noisy"]:
        typer.echo("\nnoise: alerts that nobody acknowledged, or that came and went")
    for alert in one["noisy"][:NOISY_SHOWN]:
        service = f" ({alert['service']})" if alert["service"] else ""
        typer.echo(
            f"  {alert['alertname']}{service}: {alert['never_acknowledged']} of "
            f"{alert['incidents']} never acknowledged, {alert['reopened']} times again"
        )


def _time(spread: Mapping[str, Any]) -> str:
    if spread["mean_seconds"] is None:
        return NOTHING
    mean, middle = span(spread["mean_seconds"]), span(spread["median_seconds"])
    return f"{mean} (median {middle}, of {spread['count']})"
