"""`tocsin deploys add`, `list`, `remove`: what was put out when, for graphs and `slo why`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import typer

from tocsin.commands.client import URL, delete, get, post_json
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

PATH = "/api/tocsin/v1/deploys"


def add_deploy(
    service: str = typer.Argument(help="The service that was deployed."),
    version: str = typer.Argument(help="What was put out: a version, a tag, a commit."),
    at: str = typer.Option("", help="RFC 3339 or Unix seconds; now when it is left out."),
    link: str = typer.Option("", help="Where one reads more: a pipeline, a change."),
    note: str = typer.Option("", help="A few words."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Tell of a deploy; the same one told twice is kept once."""
    body: dict[str, object] = {"service": service, "version": version, "url": link, "note": note}
    if at:
        body["at"] = at
    made: Any = post_json(url, PATH, body)
    emit([made] if output is Output.json else [_row(made)], output)


def list_deploys(
    service: str = typer.Option("", help="Of this service alone."),
    since: str = typer.Option("", "--from", help="RFC 3339, Unix time, or how long ago."),
    limit: int = typer.Option(100, help="So many, the newest."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """What was deployed, the newest first."""
    from collector.model.clock import SystemClock

    parameters = {"service": service, "limit": str(limit)}
    if since:
        parameters["start_ms"] = str(option_ms(since, "--from", SystemClock().now_ms()))
    answer: Any = get(url, PATH, parameters)
    rows = answer["deploys"]
    emit(rows if output is Output.json else [_row(one) for one in rows], output)


def remove_deploy(
    deploy: str = typer.Argument(help="Its id, as `deploys list` shows it."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Take a wrong one out."""
    gone: Any = delete(url, f"{PATH}/{quote(deploy)}", {})
    emit([gone] if output is Output.json else [_row(gone)], output)


def _row(one: Mapping[str, Any]) -> dict[str, object]:
    return {
        "id": one["id"],
        "at": time_text(one["at_ms"]),
        "service": one["service"],
        "version": one["version"],
        "note": one["note"],
        "url": one["url"],
    }
