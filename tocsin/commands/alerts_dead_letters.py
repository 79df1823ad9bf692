"""`tocsin alerts dead-letters`: what receivers refused for good; send it again, or let go of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from urllib.parse import quote

import typer

from tocsin.commands.client import URL, delete, get, post_json
from tocsin.commands.output import Output, emit
from tocsin.moments import time_text

PATH = "/api/tocsin/v1/dead-letters"


class Act(StrEnum):
    """What is to be done with them."""

    list = "list"
    resend = "resend"
    drop = "drop"


def dead_letters(
    act: Act = typer.Argument(Act.list, help="What to do."),
    ids: list[str] = typer.Argument(None, help="Which; to resend: all when none is named."),
    receiver: str = typer.Option("", help="Only of this receiver."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Show what receivers refused for good, send it again, or let go of it."""
    named = list(ids or ())
    if act is Act.list:
        _list(url, receiver, output)
    elif act is Act.resend:
        body: dict[str, object] = {"receiver": receiver, **({"ids": named} if named else {})}
        found: Any = post_json(url, f"{PATH}/resend", body)
        emit([found], output, lambda: typer.echo(f"{found['resent']} sent again"))
    else:
        if not named:
            raise typer.BadParameter("name the letters to let go of", param_hint="IDS")
        for one in named:
            delete(url, f"{PATH}/{quote(one, safe='')}", {})
        emit([{"dropped": len(named)}], output, lambda: typer.echo(f"{len(named)} dropped"))


def _list(url: str, receiver: str, output: Output) -> None:
    found: Any = get(url, PATH, {"receiver": receiver})
    letters = found["dead_letters"]

    def plain() -> None:
        for one in letters:
            head = f"{one['id']}  {time_text(one['at_ms'])}  {one['integration']}"
            typer.echo(f"{head}  {one['title']}\n    {one['failures']} times: {one['error']}")
        if not letters:
            typer.echo("none")

    emit(letters, output, plain)
