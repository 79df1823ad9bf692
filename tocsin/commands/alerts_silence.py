"""`tocsin alerts silence`: make a silence, see those that there are, end one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import typer

from collector.model.clock import SystemClock
from collector.model.durations import parse_duration_ms
from tocsin.commands.client import URL, delete, get, post_json
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms

PATH = "/api/v2"


class Act(StrEnum):
    """What is to be done."""

    add = "add"
    list = "list"
    expire = "expire"


def silence(
    act: Act = typer.Argument(Act.list, help="What to do."),
    texts: list[str] = typer.Argument(None, help="add, list: matchers; expire: ids."),
    duration: str = typer.Option("1h", "--duration", "-d", help="add: how long."),
    start: str = typer.Option("", help="add: RFC 3339 or Unix time; else now."),
    comment: str = typer.Option("", "--comment", "-c", help="add: why."),
    author: str = typer.Option("", envvar="USER", help="add, expire: who does it."),
    expired: bool = typer.Option(False, "--expired", help="list: those that are over, too."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Make a silence, show silences, or end one."""
    named = list(texts or ())
    if act is Act.list:
        _list(url, named, expired, output)
    elif not named:
        missing = "matchers, such as service=shop" if act is Act.add else "ids"
        raise typer.BadParameter(f"give {missing}", param_hint="TEXTS")
    elif act is Act.add:
        body = _body(named, start, duration)
        body = {**body, "createdBy": author, "comment": comment}
        made: Any = post_json(url, f"{PATH}/silences", body)
        emit([made], output, lambda: typer.echo(made["silenceID"]))
    else:
        for one in named:
            delete(url, f"{PATH}/silence/{quote(one, safe='')}", {"author": author})
        emit([{"expired": one} for one in named], output, lambda: typer.echo("\n".join(named)))


def _body(matchers: Sequence[str], start: str, duration: str) -> dict[str, object]:
    from alerts.alertmanager_json import timestamp
    from alerts.matchers import parse_all

    now_ms = SystemClock().now_ms()
    start_ms = option_ms(start, "--start", now_ms)
    return {
        "matchers": [
            {
                "name": one.name,
                "value": one.value,
                "isRegex": "~" in one.kind,
                "isEqual": "!" not in one.kind,
            }
            for one in parse_all(matchers)
        ],
        "startsAt": timestamp(start_ms),
        "endsAt": timestamp(start_ms + parse_duration_ms(duration)),
    }


def _list(url: str, filters: list[str], expired: bool, output: Output) -> None:
    parameters: Mapping[str, str | list[str]] = {
        "filter": filters,
        "expired": "true" if expired else "false",
    }
    found: Any = get(url, f"{PATH}/silences", parameters)
    if output is Output.table and not found:
        typer.echo("none")
        return
    emit(found if output is Output.json else [_row(one) for one in found], output)


def _row(one: Mapping[str, Any]) -> Mapping[str, object]:
    return {
        "id": one["id"],
        "state": one["status"]["state"],
        "matchers": ", ".join(map(_text, one["matchers"])),
        "until": one["endsAt"][:16].replace("T", " "),
        "by": one["createdBy"],
        "comment": one["comment"],
    }


def _text(matcher: Mapping[str, Any]) -> str:
    from alerts.api_values import MatcherBody

    return str(MatcherBody.model_validate(matcher).matcher())
