"""`tocsin oncall now|schedule|gaps|override`: who is on call, and standing in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import typer

from collector.model.errors import InputError
from tocsin.commands.client import URL, delete, get, post_json
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

PATH = "/api/tocsin/v1/oncall"


def who_is_on_call(
    at: str = typer.Option("", help="RFC 3339 or Unix time, instead of now."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Who is on call in each schedule; times are UTC."""
    answer: Any = get(url, PATH, {"at_ms": str(_ms(at, "--at"))} if at else {})
    rows = answer["on_call"]
    emit(rows if output is Output.json else [_duty(one) for one in rows], output)


def show_schedule(
    name: str = typer.Argument(help="The schedule."),
    days: int = typer.Option(28, help="How many days from now on."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """The shifts of a schedule; times are UTC."""
    answer: Any = get(url, f"{PATH}/schedules/{quote(name)}", {"days": str(days)})
    emit([answer] if output is Output.json else _shifts(answer["shifts"]), output)


def show_gaps(
    days: int = typer.Option(28, help="How many days from now on."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Hours that nobody covers; exit 1 when there are any. Times are UTC."""
    answer: Any = get(url, f"{PATH}/gaps", {"days": str(days)})
    found = answer["gaps"]
    rows = [
        {"schedule": name, "from": time_text(one["start_ms"]), "to": time_text(one["end_ms"])}
        for name, some in found.items()
        for one in some
    ]
    emit([found] if output is Output.json else rows, output)
    raise typer.Exit(1 if found else 0)


def override_schedule(
    schedule: str = typer.Argument("", help="The schedule; without one, list overrides."),
    person: str = typer.Argument("", help="Who stands in."),
    since: str = typer.Option("", "--from", help="RFC 3339 or Unix time; now without it."),
    until: str = typer.Option("", "--to", help="RFC 3339 or Unix time."),
    remove: str = typer.Option("", "--remove", help="Take this one back."),
    author: str = typer.Option("", "--as", envvar="USER", help="Who says so."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Put someone in for whoever is on call; list overrides; take one back."""
    if remove:
        delete(url, f"{PATH}/overrides/{quote(remove)}", {"author": author})
    elif schedule:
        if not (person and until):
            raise InputError("who, and until when?", advice="name PERSON and --to")
        body = {
            "schedule": schedule,
            "person": person,
            "start_ms": _ms(since, "--from"),
            "end_ms": _ms(until, "--to"),
            "author": author,
        }
        post_json(url, f"{PATH}/overrides", body)
    answer: Any = get(url, f"{PATH}/overrides")
    rows = answer["overrides"]
    emit(rows if output is Output.json else [_override(one) for one in rows], output)


def _ms(text: str, option: str) -> int:
    from collector.model.clock import SystemClock

    return option_ms(text, option, SystemClock().now_ms())


def _duty(one: Mapping[str, Any]) -> dict[str, object]:
    return {
        "schedule": one["schedule"],
        "on call": one["person"] or "nobody",
        "by": one["source"],
        "until": time_text(one["until_ms"]),
        "then": one["next_person"],
    }


def _shifts(shifts: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [
        {
            "from": time_text(one["start_ms"]),
            "to": time_text(one["end_ms"]),
            "on call": one["person"] or "nobody",
            "by": one["source"],
        }
        for one in shifts
    ]


def _override(one: Mapping[str, Any]) -> dict[str, object]:
    times = {"from": time_text(one["start_ms"]), "to": time_text(one["end_ms"])}
    named = {name: one[name] for name in ("schedule", "person")}
    return {"id": one["id"], **named, **times, "author": one["author"]}
