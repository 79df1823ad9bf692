"""`tocsin incidents list` and `show`: what is wrong, who works on it, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from tocsin.commands.client import URL, get
from tocsin.commands.output import Output, emit
from tocsin.moments import time_text

PATH = "/api/tocsin/v1/incidents"


def list_incidents(
    status: str = typer.Option("open", help="open, all, or one status."),
    severity: str = typer.Option("", help="critical, warning or info."),
    team: str = typer.Option("", help="Those of one team."),
    limit: int = typer.Option(100, help="How many."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """List incidents, the open ones first, the newest first."""
    asked = {"status": status, "severity": severity, "team": team, "limit": str(limit)}
    answer: Any = get(url, PATH, {name: text for name, text in asked.items() if text})
    rows = answer["incidents"]
    emit(rows if output is Output.json else [row_of(one) for one in rows], output)


def show_incident(
    number: int = typer.Argument(help="Its number."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Show one incident: its alerts, its timeline, what surrounded it, similar ones."""
    one: Any = get(url, f"{PATH}/{number}")
    emit([one], output, plain=lambda: _print(one))


def row_of(one: Mapping[str, Any]) -> dict[str, object]:
    """An incident as a row of a table."""
    return {
        "number": one["number"],
        "status": one["status"],
        "severity": one["severity"],
        "title": one["title"],
        "team": one["team"],
        "owner": one["owner"],
        "alerts": one["alert_count"],
        "since": time_text(one["opened_at_ms"]),
    }


def _print(one: Mapping[str, Any]) -> None:
    typer.echo(f"#{one['number']} {one['title']}")
    owner = f", {one['owner']}" if one["owner"] else ""
    typer.echo(f"{one['severity']}, {one['status']}{owner}; since {time_text(one['opened_at_ms'])}")
    budget = one["context"].get("budget", {})
    if budget:
        burnt, left = budget["budget_burnt_ratio"], budget["budget_left_ratio"]
        typer.echo(f"objective {budget['slo']}: {burnt:.1%} of the budget burnt, {left:.1%} left")
    for sight in one["context"].get("sights", ()):
        typer.echo(f"{sight['kind']} at {time_text(sight['at_ms'])}: {sight['title']}")
    typer.echo("\ntimeline (UTC)")
    for event in one["timeline"]:
        typer.echo(f"  {time_text(event['at_ms'])}  {event['kind']}: {event['text']}")
    if one["similar"]:
        typer.echo("\nsimilar before")
    for past in one["similar"]:
        ratio = past["likeness_ratio"]
        when = time_text(past["opened_at_ms"])
        typer.echo(f"  #{past['number']} {past['title']} ({when}, {ratio:.0%} alike)")
