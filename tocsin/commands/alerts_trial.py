"""`tocsin alerts test` and `drill`: does a receiver work, and does the team?"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import typer

from tocsin.commands.alerts_route_test import parse_labels
from tocsin.commands.alerts_why import why_lines
from tocsin.commands.client import URL, post_json
from tocsin.commands.output import Output, emit

PATH = "/api/tocsin/v1"


def try_receiver(
    receiver: str = typer.Argument(..., help="Its name in the configuration."),
    author: str = typer.Option(..., envvar="USER", help="Who tests."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Send a message marked [TEST] to every integration of a receiver; exit 1 if one refuses it."""
    path = f"{PATH}/receivers/{quote(receiver, safe='')}/test"
    found: Any = post_json(url, path, {"author": author})
    rows = found["tested"]

    def plain() -> None:
        for one in rows:
            typer.echo(f"{one['integration']}: {one['error'] or 'sent'}")
        if not rows:
            typer.echo(f"{receiver} has no integrations: nobody is told")

    emit(rows, output, plain)
    if any(one["error"] for one in rows):
        raise typer.Exit(1)


def drill(
    labels: list[str] = typer.Argument(..., help="Labels of the alert: name=value …"),
    duration: str = typer.Option("10m", "--for", help="How long it fires."),
    summary: str = typer.Option("", help="What is rehearsed."),
    author: str = typer.Option(..., envvar="USER", help="Who rehearses."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Let an alert that says [DRILL] fire, and go its way as a real one would."""
    body = {
        "labels": dict(parse_labels(labels).pairs),
        "duration": duration,
        "summary": summary,
        "author": author,
    }
    found: Any = post_json(url, f"{PATH}/drills", body)
    emit([found], output, lambda: typer.echo("\n".join(why_lines(found))))
